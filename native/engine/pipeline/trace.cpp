// The run's timeline in Chrome's trace event format: copies on one row, dispatches on the other.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/platform/file.h"
#include "pipeline/paint.h"

namespace sluice {

void write_trace(const std::string& path, const std::vector<TraceEvent>& events) {
    using nlohmann::json;
    double origin = 0;
    for (size_t i = 0; i < events.size(); i++) origin = i ? std::min(origin, events[i].begin_ns) : events[i].begin_ns;
    json list = json::array();
    list.push_back({{"ph", "M"}, {"pid", 1}, {"tid", 1}, {"name", "thread_name"}, {"args", {{"name", "copies"}}}});
    list.push_back({{"ph", "M"}, {"pid", 1}, {"tid", 2}, {"name", "thread_name"}, {"args", {{"name", "compute"}}}});
    for (const TraceEvent& e : events) {
        json args = json::object();
        if (e.copy) args["bytes"] = e.bytes;
        else args["gflop"] = e.flops / 1e9;
        list.push_back({{"ph", "X"}, {"pid", 1}, {"tid", e.copy ? 1 : 2}, {"name", e.name},
                        {"ts", (e.begin_ns - origin) / 1e3}, {"dur", (e.end_ns - e.begin_ns) / 1e3}, {"args", args}});
    }
    const std::string text = json{{"traceEvents", list}, {"displayTimeUnit", "ms"}}.dump();
    write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace sluice
