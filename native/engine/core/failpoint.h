// Named points where a test makes an operation fail. Costs one relaxed atomic load when nothing is armed; there is
// no other global state in the engine, and hosts never arm it.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sluice::failpoint {

enum class Mode : int { off = 0, count = 1, fail = 2 };

struct State {
    std::atomic<Mode> mode{Mode::off};
    std::mutex mutex;
    std::map<std::string, uint64_t> seen;  // site -> how often it was passed since arming
    std::string site;                      // Mode::fail: the site that fails …
    uint64_t occurrence = 0;               // … at this pass, from 0
    bool fired = false;
    std::vector<std::string> followers;  // sites that begin so fail as well, once it has failed …
    std::string until;                   // … until one that begins so is passed
};

inline State& state() {
    static State s;
    return s;
}

inline bool hit_slow(const std::string& site) {
    State& s = state();
    std::lock_guard lock(s.mutex);
    const uint64_t n = s.seen[site]++;
    if (s.mode.load() != Mode::fail) return false;
    if (!s.fired) return s.fired = site == s.site && n == s.occurrence;
    if (!s.followers.empty() && site.starts_with(s.until)) s.followers.clear();
    return std::any_of(s.followers.begin(), s.followers.end(), [&](const auto& f) { return site.starts_with(f); });
}

// True when the operation named here shall fail now. `site` is unique a call site: "vkCreateBuffer@memory.cpp:40".
inline bool hit(const char* site) {
    if (state().mode.load(std::memory_order_relaxed) == Mode::off) return false;
    return hit_slow(site);
}

inline void arm_count() {
    State& s = state();
    std::lock_guard lock(s.mutex);
    s.seen.clear();
    s.fired = false;
    s.mode = Mode::count;
}

inline void arm_fail(const std::string& site, uint64_t occurrence) {
    State& s = state();
    std::lock_guard lock(s.mutex);
    s.seen.clear();
    s.fired = false;
    s.site = site;
    s.occurrence = occurrence;
    s.followers.clear();
    s.mode = Mode::fail;
}

// A failure that lasts: `followers` fail with it until `until` is passed.
inline void arm_fail_until(const std::string& site, uint64_t occurrence, std::vector<std::string> followers,
                           const std::string& until) {
    arm_fail(site, occurrence);
    State& s = state();
    std::lock_guard lock(s.mutex);
    s.followers = std::move(followers);
    s.until = until;
}

inline void disarm() { state().mode = Mode::off; }

}  // namespace sluice::failpoint

#define SLUICE_STRINGIZE2(x) #x
#define SLUICE_STRINGIZE(x) SLUICE_STRINGIZE2(x)
// Usage: if (SLUICE_FAILS("read")) throw …
#define SLUICE_FAILS(name) (::sluice::failpoint::hit(name "@" __FILE_NAME__ ":" SLUICE_STRINGIZE(__LINE__)))
