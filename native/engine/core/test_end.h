// What tests share and keep open until the last one has run: closed while everything that it stands on is still there.
#pragma once
#include <functional>
#include <vector>

namespace sluice::testing {

// Called in turn after the last test (core/test_main_test.cpp).
std::vector<std::function<void()>>& at_end();

}  // namespace sluice::testing
