// SPDX-License-Identifier: BSL-1.0
#include "support/child_role.hpp"
#include "support/shared_server.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace {

/// Stops the shared server after the last test; each repetition of the tests starts its own.
class shared_server_environment : public testing::Environment {
    void TearDown() override { pglocks::test::stop_shared_server(); }
};

} // namespace

/// The main() of all test programs that link the support library and have none of their own.
int main(int argc, char** argv) {
    if (const auto code = pglocks::test::play_requested_role(argc, argv))
        return *code;
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(std::make_unique<shared_server_environment>().release());
    return RUN_ALL_TESTS();
}
