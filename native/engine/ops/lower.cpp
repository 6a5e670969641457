#include "ops/lower.h"

#include "ops/lowering.h"

namespace sluice {

void lower(const Program& program, const Op& op, const Cut& cut, Precision precision, const DeviceTraits& traits,
           std::vector<Dispatch>& out) {
    const lowering::Lowering l{program, op, cut, precision, traits, out};
    std::visit(
        [&](const auto& body) {
            using T = std::decay_t<decltype(body)>;
            if constexpr (std::is_same_v<T, Conv>) lowering::lower_conv(l, body);
            if constexpr (std::is_same_v<T, GroupNormStats>) lowering::lower_group_norm(l, body);
            if constexpr (std::is_same_v<T, LayerNormStats>) lowering::lower_layer_norm(l, body);
            if constexpr (std::is_same_v<T, Attention>) lowering::lower_attention(l, body);
            if constexpr (std::is_same_v<T, Pointwise>) lowering::lower_pointwise(l, body);
        },
        op.body);
}

}  // namespace sluice
