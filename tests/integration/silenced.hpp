// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <gtest/gtest.h>

#include <csignal>

namespace pglocks::test {

/// Stops a backend, as a cut network would silence it, for as long as the object lives.
class silenced {
public:
    explicit silenced(int backend) : backend_(backend) { EXPECT_EQ(::kill(backend_, SIGSTOP), 0); }
    ~silenced() { ::kill(backend_, SIGCONT); }
    silenced(const silenced&) = delete;
    silenced& operator=(const silenced&) = delete;

private:
    int backend_;
};

} // namespace pglocks::test
