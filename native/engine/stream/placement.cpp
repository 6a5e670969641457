#include "stream/placement.h"

#include <algorithm>

#include "stream/arrange.h"

namespace sluice {
namespace {

constexpr uint64_t lag_floor = 1 << 20;  // smaller tensors are not worth strips

struct Life {
    int first = -1, last = -1;
    uint64_t bytes = 0;
    TensorId host = none;  // lagged: lies over this tensor
};

}  // namespace

Placement place_tensors(const Program& program, Precision precision, bool lag) {
    const size_t n = program.tensors.size();
    std::vector<Life> life(n);
    std::vector<TensorId> reads, writes;
    for (size_t i = 0; i < program.ops.size(); i++) {
        reads.clear();
        writes.clear();
        op_tensors(program.ops[i], reads, writes);
        for (const auto* list : {&reads, &writes})
            for (TensorId t : *list) {
                Life& l = life[size_t(t)];
                if (l.first < 0) l.first = int(i);
                l.last = int(i);
            }
    }
    for (size_t t = 0; t < n; t++) life[t].bytes = align_up(tensor_bytes(program.tensors[t], precision));

    Placement p;
    p.offset.assign(n, 0);
    p.lagged_rows.assign(program.ops.size(), 0);
    if (lag) {
        for (size_t i = 0; i < program.ops.size(); i++) {
            const Conv* c = std::get_if<Conv>(&program.ops[i].body);
            if (!c || c->a2 != none || c->residual != none || c->out == c->a || c->up_height) continue;
            const Tensor& a = program.tensors[size_t(c->a)];
            const Tensor& out = program.tensors[size_t(c->out)];
            Life& la = life[size_t(c->a)];
            Life& lo = life[size_t(c->out)];
            if (a.role != TensorRole::activation || out.role != TensorRole::activation) continue;
            if (a.batch != 1 || a.height != out.height || a.width != out.width || la.last != int(i) ||
                lo.first != int(i) || la.host != none || lo.bytes < lag_floor)
                continue;
            const uint64_t a_row = tensor_bytes(a, precision) / uint64_t(a.height);
            const uint64_t out_row = tensor_bytes(out, precision) / uint64_t(out.height);
            // Strips end at row r: out rows [0, r) must not reach a's row r - 1, which the next strip still reads.
            const int rows = std::max(2, int((2 << 20) / out_row));
            if (out_row * 2 > a_row || a.height < 2 * rows) continue;
            p.lagged_rows[i] = rows;
            p.strip_bytes = std::max(p.strip_bytes, align_up(out_row * uint64_t(rows)));
            lo.host = c->a;
            la.last = lo.last;  // what lies over it keeps the memory taken
        }
    }

    struct Item {
        int first, last;
        uint64_t bytes, offset = 0;
        TensorId tensor;  // none: the strip buffer
    };
    std::vector<Item> items;
    for (size_t t = 0; t < n; t++)
        if (program.tensors[t].role == TensorRole::activation && life[t].first >= 0 && life[t].host == none)
            items.push_back({life[t].first, life[t].last, life[t].bytes, 0, TensorId(t)});
    // One small strip buffer serves all lagged ops; it has a place of its own behind the tensors.
    std::stable_sort(items.begin(), items.end(), [](const Item& x, const Item& y) { return x.bytes > y.bytes; });
    std::vector<Item> placed;
    for (Item& item : items) {
        std::vector<const Item*> conflicts;
        for (const Item& other : placed)
            if (item.first <= other.last && other.first <= item.last) conflicts.push_back(&other);
        std::sort(conflicts.begin(), conflicts.end(),
                  [](const Item* x, const Item* y) { return x->offset < y->offset; });
        uint64_t at = 0;
        for (const Item* other : conflicts) {
            if (at + item.bytes <= other->offset) break;
            at = std::max(at, other->offset + other->bytes);
        }
        item.offset = at;
        p.offset[size_t(item.tensor)] = at;
        p.bytes = std::max(p.bytes, at + item.bytes);
        placed.push_back(item);
    }
    for (size_t t = 0; t < n; t++) {
        const TensorId host = life[t].host;
        if (host != none) p.offset[t] = p.offset[size_t(host)];
    }
    p.strip_offset = p.bytes;
    p.bytes += p.strip_bytes;
    return p;
}

}  // namespace sluice
