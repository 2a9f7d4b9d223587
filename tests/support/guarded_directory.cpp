// SPDX-License-Identifier: BSL-1.0
#include "support/guarded_directory.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>
#include <unistd.h>

namespace pglocks::test {
namespace {

std::filesystem::path make_private_directory() {
    std::string name = std::filesystem::temp_directory_path() / "pglocks-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(),
                                "cannot make the directory " + name + " (TMPDIR names where)");
    return name;
}

} // namespace

guarded_directory::guarded_directory()
    : path_(make_private_directory()),
      guard_({PGLOCKS_TEST_SUPPORT_DIR "/postgres.sh", "--guard", path_}, {.outlives_parent = true}),
      owner_(::getpid()) {}

guarded_directory::~guarded_directory() {
    if (!is_ours())
        return;
    try {
        guard_.close_input();
        if (guard_.wait(std::chrono::seconds(60)) != exit_status{})
            std::cerr << guard_.errors();
    } catch (const std::exception& error) {
        std::cerr << path_ << " is left behind: " << error.what() << '\n';
    }
}

bool guarded_directory::is_ours() const noexcept { return ::getpid() == owner_; }

} // namespace pglocks::test
