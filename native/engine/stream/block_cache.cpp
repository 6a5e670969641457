#include "stream/block_cache.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/error.h"
#include "stream/arrange.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr char magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'B', 'C'};
constexpr uint32_t version = 1;
constexpr uint64_t prefix_bytes = 16;

struct Entry {
    std::string key;
    int32_t matrix = none, vector = none;
    uint64_t offset = 0, bytes = 0;
};

// What the cache must hold, in the order of first use.
std::vector<Entry> wanted(const BlockCache::Request& r) {
    std::vector<Entry> entries;
    std::set<std::string> seen;
    auto add_matrix = [&](MatrixId id) {
        if (id == none || r.program->matrix_source[size_t(id)] != r.source_index) return;
        const Matrix& m = r.program->matrices[size_t(id)];
        Entry e{matrix_key(m), id, none, 0, matrix_bytes(m, r.precision)};
        if (seen.insert(e.key).second) entries.push_back(std::move(e));
    };
    for (const Op& op : r.program->ops)
        if (const Conv* c = std::get_if<Conv>(&op.body)) add_matrix(c->weight);
    for (size_t i = 0; i < r.program->vectors.size(); i++) {
        if (r.program->vector_source[i] != r.source_index) continue;
        Entry e{vector_key(r.program->vectors[i]), none, int32_t(i), 0, vector_bytes(r.program->vectors[i])};
        if (seen.insert(e.key).second) entries.push_back(std::move(e));
    }
    return entries;
}

const char* precision_name(Precision p) { return p == Precision::fp16 ? "fp16" : "fp32"; }

// Offsets of a valid cache; empty when the file is not one, is another source's, or lacks an entry.
std::map<std::string, uint64_t> read_header(const MappedFile& map, const std::string& hash, Precision precision,
                                            const std::vector<Entry>& entries) {
    std::map<std::string, uint64_t> offsets;
    if (map.size() < prefix_bytes || std::memcmp(map.data(), magic, 8) != 0) return {};
    uint32_t file_version = 0, header_bytes = 0;
    std::memcpy(&file_version, map.data() + 8, 4);
    std::memcpy(&header_bytes, map.data() + 12, 4);
    if (file_version != version || prefix_bytes + header_bytes > map.size()) return {};
    const char* text = reinterpret_cast<const char*>(map.data() + prefix_bytes);
    const json header = json::parse(text, text + header_bytes, nullptr, false);
    if (!header.is_object() || header.value("source", "") != hash ||
        header.value("precision", "") != precision_name(precision) || header.value("size", uint64_t(0)) != map.size() ||
        !header.contains("entries") || !header["entries"].is_array())
        return {};
    std::map<std::string, uint64_t> sizes;
    for (const json& e : header["entries"]) {
        if (!e.is_array() || e.size() != 3 || !e[0].is_string() || !e[1].is_number_unsigned() ||
            !e[2].is_number_unsigned())
            return {};
        const uint64_t offset = e[1], bytes = e[2];
        if (offset % cache_alignment != 0 || offset > map.size() || bytes > map.size() - offset) return {};
        offsets[e[0]] = offset;
        sizes[e[0]] = bytes;
    }
    for (const Entry& e : entries)
        if (!offsets.contains(e.key) || sizes[e.key] != e.bytes) return {};
    return offsets;
}

void build(const BlockCache::Request& r, const std::string& path, const std::string& hash,
           std::vector<Entry>& entries) {
    // Offsets depend on the header's length and the header on the offsets: room is made from an upper bound.
    uint64_t header_room = 256;
    for (const Entry& e : entries) header_room += e.key.size() * 2 + 64;
    uint64_t at = align_up(prefix_bytes + header_room, cache_alignment);
    for (Entry& e : entries) {
        e.offset = at;
        at = align_up(at + e.bytes, cache_alignment);
    }
    json header{{"source", hash}, {"precision", precision_name(r.precision)}, {"size", at}, {"entries", json::array()}};
    for (const Entry& e : entries) header["entries"].push_back({e.key, e.offset, e.bytes});
    const std::string text = header.dump();
    if (text.size() > header_room) throw Error(Status::internal, "cache", "block cache header larger than its room");

    OffsetWriter writer(path);
    struct Job {
        const Entry* entry;
        int begin, end;
    };
    std::vector<Job> jobs;
    uint64_t total = 0;
    for (const Entry& e : entries) {
        total += e.bytes;
        if (e.matrix == none) {
            jobs.push_back({&e, 0, 0});
            continue;
        }
        const Matrix& m = r.program->matrices[size_t(e.matrix)];
        const int64_t panel = m.panel_elements() * 4;
        const int step = int(std::max<int64_t>(1, (8 << 20) / panel));  // 8 MiB of work space a thread
        for (int p = 0; p < m.panels(); p += step) jobs.push_back({&e, p, std::min(p + step, m.panels())});
    }
    std::atomic<size_t> next{0};
    std::atomic<uint64_t> done{0};
    std::atomic<bool> stop{false};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    auto work = [&](bool reports) {
        try {
            std::vector<std::byte> buffer;
            while (!stop) {
                const size_t i = next++;
                if (i >= jobs.size()) break;
                const Entry& e = *jobs[i].entry;
                if (e.matrix != none) {
                    const Matrix& m = r.program->matrices[size_t(e.matrix)];
                    const uint64_t panel = uint64_t(m.panel_elements()) * uint64_t(storage_bytes(r.precision));
                    buffer.resize(panel * uint64_t(jobs[i].end - jobs[i].begin));
                    pack_panels(m, jobs[i].begin, jobs[i].end, r.precision, *r.source, buffer.data());
                    writer.write(e.offset + panel * uint64_t(jobs[i].begin), buffer);
                } else {
                    buffer.resize(e.bytes);
                    pack_vector(r.program->vectors[size_t(e.vector)], *r.source,
                                reinterpret_cast<float*>(buffer.data()));
                    writer.write(e.offset, buffer);
                }
                done += buffer.size();
                if (reports && r.progress) r.progress(total ? double(done) / double(total) : 1.0);
            }
        } catch (...) {
            stop = true;
            std::lock_guard lock(failure_mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    // The calling thread works too, and alone reports: a host's callback is never called from another thread.
    const unsigned helpers = std::min(7u, std::max(1u, std::thread::hardware_concurrency()) - 1);
    std::vector<std::thread> threads;
    try {
        for (unsigned i = 0; i < helpers; i++) threads.emplace_back(work, false);
    } catch (const std::system_error&) {
        // Fewer threads then; the work is shared out by the counter.
    }
    work(true);
    for (auto& t : threads) t.join();
    if (failure) std::rethrow_exception(failure);

    std::vector<std::byte> head(prefix_bytes + text.size());
    const uint32_t header_bytes = uint32_t(text.size());
    std::memcpy(head.data(), magic, 8);
    std::memcpy(head.data() + 8, &version, 4);
    std::memcpy(head.data() + 12, &header_bytes, 4);
    std::memcpy(head.data() + prefix_bytes, text.data(), text.size());
    writer.write(0, head);
    writer.commit(at);
}

// Removes the role's files beyond the newest. One that is mapped stays readable; what cannot be removed stays.
void prune(const BlockCache::Request& r, const std::string& ending) {
    namespace fs = std::filesystem;
    std::error_code code;
    std::vector<std::pair<fs::file_time_type, fs::path>> files;
    for (const auto& entry : fs::directory_iterator(r.directory, code))
        if (entry.path().filename().string().ends_with(ending)) files.emplace_back(entry.last_write_time(code), entry.path());
    std::sort(files.begin(), files.end(), std::greater<>());
    for (size_t i = size_t(r.keep); i < files.size(); i++) fs::remove(files[i].second, code);
}

}  // namespace

std::shared_ptr<BlockCache> BlockCache::open(const Request& r) {
    const std::string hash = r.source->content_hash();
    std::error_code code;
    std::filesystem::create_directories(r.directory, code);
    const std::string ending = "." + r.role + "." + precision_name(r.precision) + ".blocks";
    const std::string path = r.directory + "/" + hash + ending;
    std::vector<Entry> entries = wanted(r);
    auto cache = std::make_shared<BlockCache>();
    if (std::filesystem::exists(path, code)) {
        MappedFile map(path);
        cache->offsets_ = read_header(map, hash, r.precision, entries);
        if (!cache->offsets_.empty()) {
            cache->map_ = std::move(map);
            if (r.keep > 0) std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), code);
            return cache;
        }
    }
    build(r, path, hash, entries);
    cache->map_ = MappedFile(path);
    cache->offsets_ = read_header(cache->map_, hash, r.precision, entries);
    cache->built_ = true;
    if (r.keep > 0) prune(r, ending);
    if (cache->offsets_.empty())
        throw Error(Status::internal, "cache", "block cache " + path + " cannot be read back");
    return cache;
}

bool BlockCache::serves(const Request& r) const {
    for (const Entry& e : wanted(r))
        if (!offsets_.contains(e.key)) return false;
    return true;
}

uint64_t BlockCache::offset(const std::string& key) const {
    const auto it = offsets_.find(key);
    if (it == offsets_.end()) throw Error(Status::internal, "cache", "block cache has no entry " + key);
    return it->second;
}

}  // namespace sluice
