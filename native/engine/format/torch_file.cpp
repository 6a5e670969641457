#include "format/torch_file.h"

#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "format/pickle.h"
#include "format/zip.h"

namespace sluice {
namespace {

using Kind = PickleNode::Kind;

[[noreturn]] void corrupt(const std::string& path, const std::string& what) {
    throw Error(Status::input, "model-corrupt", path + ": " + what, "The file is damaged: fetch it again.");
}

[[noreturn]] void unsupported(const std::string& path, const std::string& what) {
    throw Error(Status::input, "model-unsupported", path + ": " + what,
                "Save the model again with a current PyTorch, or as safetensors.");
}

ReadBytes reader_of(const std::shared_ptr<const File>& file) {
    return [file](uint64_t offset, std::byte* out, size_t bytes) { file->read_at(offset, {out, bytes}); };
}

struct Storage {
    uint64_t offset = 0, bytes = 0;
};
using FindStorage = std::function<Storage(const std::string& key)>;

bool row_major(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    int64_t expected = 1;
    for (size_t axis = shape.size(); axis-- > 0;) {
        if (shape[axis] != 1 && strides[axis] != expected) return false;
        expected *= shape[axis];
    }
    return true;
}

RawTensors collect(const Pickle& pickle, const std::shared_ptr<const File>& file, const FindStorage& find) {
    const PickleNode& root = pickle[pickle.root];
    const PickleNode* inner = pickle.find(root, "state_dict");
    const PickleNode& state = inner && inner->kind == Kind::dictionary ? *inner : root;
    if (state.kind != Kind::dictionary)
        corrupt(file->path(), "expected a dictionary of tensors, found something else");
    RawTensors tensors;
    for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
        const PickleNode &key = pickle[state.items[i]], &value = pickle[state.items[i + 1]];
        if (key.kind != Kind::text) continue;
        if (value.kind == Kind::opaque || value.kind == Kind::global)
            unsupported(file->path(),
                        "expected a tensor as " + key.text + ", found an object of " + value.text);
        if (value.kind != Kind::tensor) continue;
        const PickleNode& described = pickle[value.items[0]];
        const Storage storage = find(described.text);
        const uint64_t size = dtype_size(value.dtype);
        if (storage.bytes / size < uint64_t(described.integer))
            corrupt(file->path(), "tensor " + key.text + ": expected a storage of " +
                                      std::to_string(uint64_t(described.integer) * size) + " bytes, found " +
                                      std::to_string(storage.bytes));
        RawTensor tensor;
        tensor.name = key.text;
        tensor.dtype = value.dtype;
        tensor.shape = value.shape;
        if (tensor.elements() > 0 && !row_major(value.shape, value.strides)) tensor.strides = value.strides;
        tensor.file = file;
        tensor.offset = storage.offset + uint64_t(value.integer) * size;
        if (!tensors.emplace(key.text, std::move(tensor)).second)
            corrupt(file->path(), "tensor " + key.text + " stands there twice");
    }
    if (tensors.empty()) corrupt(file->path(), "expected tensors, found a dictionary without one");
    return tensors;
}

RawTensors read_archive(const std::shared_ptr<const File>& file) {
    const ZipDirectory directory(file);
    const std::string suffix = "/data.pkl";
    std::string root;
    for (const auto& [name, entry] : directory.entries())
        if (name.ends_with(suffix) && name.find('/') == name.size() - suffix.size()) {
            if (!root.empty()) corrupt(file->path(), "the archive holds several data.pkl");
            root = name.substr(0, name.size() - suffix.size()) + "/";
        }
    if (root.empty())
        corrupt(file->path(), "expected an archive of torch.save with a data.pkl, found another zip file");
    const auto place = [&](const std::string& name) -> Storage {
        const auto found = directory.entries().find(root + name);
        if (found == directory.entries().end())
            corrupt(file->path(), "the archive lacks its entry " + root + name);
        return {directory.data_offset(found->first, found->second), found->second.size};
    };
    if (directory.entries().count(root + "constants.pkl"))
        unsupported(file->path(), "this is a TorchScript program, not a file of tensors");
    if (directory.entries().count(root + "byteorder")) {
        const Storage order = place("byteorder");
        std::string text(size_t(std::min<uint64_t>(order.bytes, 16)), '\0');
        file->read_at(order.offset, std::as_writable_bytes(std::span(text.data(), text.size())));
        if (text != "little") unsupported(file->path(), "its numbers are big-endian");
    }
    const Storage described = place("data.pkl");
    const Pickle pickle =
        read_pickle(reader_of(file), described.offset, described.offset + described.bytes, file->path());
    std::unordered_map<std::string, Storage> known;
    return collect(pickle, file, [&](const std::string& key) {
        if (const auto found = known.find(key); found != known.end()) return found->second;
        return known[key] = place("data/" + key);
    });
}

// Pickles of a magic number, a protocol, the machine, the value and the storages' keys; then every storage's
// element count and data.
RawTensors read_stream(const std::shared_ptr<const File>& file) {
    static const std::string magic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
    const auto next = [&](uint64_t begin) {
        return read_pickle(reader_of(file), begin, file->size(), file->path());
    };
    const Pickle first = next(0);
    if (first[first.root].kind != Kind::opaque || first[first.root].text != magic)
        corrupt(file->path(), "expected a file of torch.save, found another pickle");
    const Pickle protocol = next(first.end);
    if (protocol[protocol.root].kind != Kind::integer || protocol[protocol.root].integer != 1001)
        unsupported(file->path(), "it is written in an unknown version of PyTorch's format");
    const Pickle machine = next(protocol.end);
    if (const PickleNode* little = machine.find(machine[machine.root], "little_endian");
        !little || !little->integer)
        unsupported(file->path(), "its numbers are big-endian");
    const Pickle value = next(machine.end);
    const Pickle keys = next(value.end);
    if (keys[keys.root].kind != Kind::list)
        corrupt(file->path(), "expected the list of storages, found something else");

    std::unordered_map<std::string, uint64_t> element_bytes;
    for (const PickleNode& node : value.nodes)
        if (node.kind == Kind::storage) element_bytes.emplace(node.text, dtype_size(node.dtype));
    std::unordered_map<std::string, Storage> storages;
    uint64_t at = keys.end;
    for (uint32_t item : keys[keys.root].items) {
        const PickleNode& key = keys[item];
        const auto size = element_bytes.find(key.text);
        if (key.kind != Kind::text || size == element_bytes.end())
            corrupt(file->path(), "a storage of an unknown type is listed");
        uint64_t count = 0;
        file->read_at(at, std::as_writable_bytes(std::span(&count, 1)));
        at += sizeof count;
        if (at > file->size() || count > (file->size() - at) / size->second)
            throw Error(Status::input, "model-truncated",
                        file->path() + ": storage " + key.text + " of " + std::to_string(count) +
                            " elements ends past the file's end",
                        "Fetch the file again.");
        storages[key.text] = {at, count * size->second};
        at += count * size->second;
    }
    return collect(value, file, [&](const std::string& key) {
        const auto found = storages.find(key);
        if (found == storages.end()) corrupt(file->path(), "storage " + key + " is missing");
        return found->second;
    });
}

}  // namespace

bool looks_like_torch_file(std::span<const std::byte> first_bytes, uint64_t size) {
    uint64_t length = 0;
    if (first_bytes.size() < sizeof length) return false;
    std::memcpy(&length, first_bytes.data(), sizeof length);
    if (std::memcmp(first_bytes.data(), "PK\3\4", 4) == 0) return true;
    return first_bytes[0] == std::byte{0x80} && first_bytes[1] <= std::byte{5} &&
           length > size - sizeof length;
}

RawTensors read_torch_file(const std::string& path) {
    const auto file = File::open(path);
    std::byte first[4]{};
    if (file->size() < sizeof first)
        throw Error(
            Status::input, "model-truncated",
            path + ": expected a file of torch.save, found " + std::to_string(file->size()) + " bytes",
            "Fetch the file again.");
    file->read_at(0, first);
    return std::memcmp(first, "PK", 2) == 0 ? read_archive(file) : read_stream(file);
}

}  // namespace sluice
