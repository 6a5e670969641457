// A reader for the pickles that torch.save writes. It builds a tree of plain values and executes nothing:
// there is no way from here to a function. Only the opcodes and the names that tensors need are known; a name
// that training frameworks leave beside the weights becomes an inert marker; any other refuses the file.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace sluice {

struct PickleNode {
    enum class Kind : uint8_t {
        none,
        boolean,
        integer,
        real,
        text,
        list,
        tuple,
        dictionary,  // items: key, value, key, value, …
        global,      // text: "module.name"; one of the known names
        storage,     // text: its key; dtype; integer: elements
        tensor,      // items[0]: its storage; integer: offset in elements; shape; strides
        opaque,      // text: the name of what it would have been; never looked into
    };
    Kind kind = Kind::none;
    DType dtype = DType::f32;
    int64_t integer = 0;
    double real = 0;
    std::string text;
    std::vector<uint32_t> items;
    std::vector<int64_t> shape, strides;
};

struct Pickle {
    std::vector<PickleNode> nodes;  // a tree by index: neither reading nor freeing it recurses
    uint32_t root = 0;
    uint64_t end = 0;  // the offset behind its last byte

    const PickleNode& operator[](uint32_t i) const { return nodes[i]; }
    // The value of a text key of a dictionary, or null. Equal keys: the last, as in Python.
    const PickleNode* find(const PickleNode& dictionary, const std::string& key) const;
};

// Fills `out` with bytes from an offset on.
using ReadBytes = std::function<void(uint64_t offset, std::byte* out, size_t bytes)>;

// Reads one pickle that begins at `begin` and must end before `end`. `path` is for messages. Throws
// Error(input): "model-hostile" for a name or an opcode that no model file needs, "model-corrupt" for
// anything malformed or larger than any checkpoint's (1 million values, 64 MiB).
Pickle read_pickle(const ReadBytes& read, uint64_t begin, uint64_t end, const std::string& path);

}  // namespace sluice
