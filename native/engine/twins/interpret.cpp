#include "twins/interpret.h"

#include <algorithm>
#include <thread>

#include "core/dtype.h"
#include "core/error.h"
#include "twins/twins.h"

namespace sluice::twins {
namespace {

struct Uses {
    std::vector<TensorId> reads;
    TensorId out = none;
};

Uses uses(const OpBody& body) {
    return std::visit(
        [](const auto& op) -> Uses {
            using T = std::decay_t<decltype(op)>;
            if constexpr (std::is_same_v<T, Conv>)
                return {{op.a, op.a2, op.row_stats, op.affine, op.channel_add, op.residual}, op.out};
            else if constexpr (std::is_same_v<T, GroupNormStats>)
                return {{op.a, op.a2}, op.out};
            else if constexpr (std::is_same_v<T, LayerNormStats>)
                return {{op.a}, op.out};
            else if constexpr (std::is_same_v<T, Attention>)
                return {{op.q, op.k, op.v}, op.out};
            else
                return {{op.a, op.row_stats, op.b}, op.out};
        },
        body);
}

}  // namespace

void parallel_for(int64_t count, const std::function<void(int64_t, int64_t)>& body) {
    const int64_t threads = std::min<int64_t>(std::max(1u, std::thread::hardware_concurrency()), count);
    std::vector<std::jthread> others;
    for (int64_t i = 1; i < threads; i++)
        others.emplace_back([&, i] { body(count * i / threads, count * (i + 1) / threads); });
    body(0, threads ? count / threads : 0);
}

void interpret(const Program& program, std::vector<std::vector<float>>& tensors,
               const std::function<std::vector<float>(MatrixId)>& matrix,
               const std::function<std::vector<float>(VectorId)>& vector, const InterpretOptions& options) {
    tensors.resize(program.tensors.size());
    std::vector<size_t> last_use(program.tensors.size(), 0);
    for (size_t i = 0; i < program.ops.size(); i++)
        for (TensorId id : uses(program.ops[i].body).reads)
            if (id != none) last_use[size_t(id)] = i;

    auto sized = [&](const Op& op, const char* what, int id, std::vector<float> values, size_t expected) {
        if (values.size() != expected)
            throw Error(Status::internal, "twin-shape",
                        op.name + ": " + what + " " + std::to_string(id) + " has " +
                            std::to_string(values.size()) + " values, expected " + std::to_string(expected));
        return values;
    };
    for (size_t i = 0; i < program.ops.size(); i++) {
        const Op& op = program.ops[i];
        const Uses used = uses(op.body);
        for (TensorId id : used.reads) {
            if (id == none) continue;
            const Tensor& t = program.tensors[size_t(id)];
            if (tensors[size_t(id)].size() != size_t(t.elements()))
                throw Error(Status::internal, "twin-shape",
                            op.name + ": reads tensor " + t.name + " with " +
                                std::to_string(tensors[size_t(id)].size()) + " values, expected " +
                                std::to_string(t.elements()));
        }
        const Tensor& out = program.tensors[size_t(used.out)];
        std::vector<float>& out_values = tensors[size_t(used.out)];
        out_values.resize(size_t(out.elements()));
        const Context context{program, tensors,
                              [&](MatrixId id) {
                                  const Matrix& m = program.matrices[size_t(id)];
                                  return sized(op, "matrix", id, matrix(id), size_t(m.panels() * m.panel_elements()));
                              },
                              [&](VectorId id) {
                                  const int size = program.vectors[size_t(id)].stored();
                                  return sized(op, "vector", id, vector(id), size_t(size));
                              }};
        std::visit(
            [&](const auto& body) {
                using T = std::decay_t<decltype(body)>;
                if constexpr (std::is_same_v<T, Conv>) conv(context, body);
                if constexpr (std::is_same_v<T, GroupNormStats>) group_norm_stats(context, body);
                if constexpr (std::is_same_v<T, LayerNormStats>) layer_norm_stats(context, body);
                if constexpr (std::is_same_v<T, Attention>) attention(context, body);
                if constexpr (std::is_same_v<T, Pointwise>) pointwise(context, body);
            },
            op.body);
        if (options.storage == Precision::fp16 && !out.f32)
            for (float& v : out_values) v = half_to_float(float_to_half(v));
        if (options.after_op) options.after_op(op);
        if (options.keep_activations) continue;
        for (TensorId id : used.reads)
            if (id != none && last_use[size_t(id)] == i && id != used.out &&
                program.tensors[size_t(id)].role == TensorRole::activation)
                std::vector<float>().swap(tensors[size_t(id)]);
    }
}

}  // namespace sluice::twins
