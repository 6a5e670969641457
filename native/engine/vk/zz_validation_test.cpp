// Last by name, and doctest runs files in order of their names: under SLUICE_VALIDATION it sees every message
// that the tests before it, of this and the other folders, provoked.
#include <doctest/doctest.h>

#include "vk/device.h"

TEST_CASE("vk: nothing that ran before drew a message from the validation layers") {
    for (const std::string& message : sluice::vk::take_validation_messages()) FAIL_CHECK(message);
}
