// SPDX-License-Identifier: BSL-1.0
#include "support/scratch_database.hpp"

#include <cstdint>
#include <exception>
#include <iostream>
#include <random>
#include <unistd.h>

namespace pglocks::test {
namespace {

std::string unique_name() {
    std::random_device random;
    const auto high = std::uint64_t{random()};
    return "pglocks_test_" + std::to_string(high << 32 | random());
}

} // namespace

scratch_database::scratch_database(const server& where)
    : server_(where),
      name_(unique_name()),
      owner_(::getpid()) {
    server_.create_database(name_);
}

scratch_database::~scratch_database() {
    if (::getpid() != owner_)
        return;
    try {
        server_.drop_database(name_);
    } catch (const std::exception& error) {
        std::cerr << "the database " << name_ << " is left behind: " << error.what() << '\n';
    }
}

} // namespace pglocks::test
