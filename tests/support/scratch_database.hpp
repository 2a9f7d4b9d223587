// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/server.hpp"

#include <string>
#include <sys/types.h>

namespace pglocks::test {

/// A database of its own, hence a key space of its own, for as long as the object lives.
///
/// Its name begins with pglocks_test_ and is unique among all clients of the server.
class scratch_database {
public:
    /// *Requires*: the server outlives the object.
    /// *Throws*: sql_error, if the server refuses.
    explicit scratch_database(const server& where);

    /// Drops the database; says on the standard error why, if it cannot. A process that fork() made of this
    /// one drops nothing.
    ~scratch_database();

    scratch_database(const scratch_database&) = delete;
    scratch_database& operator=(const scratch_database&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::string conninfo() const { return server_.conninfo(name_); }

private:
    const server& server_;
    std::string name_;
    pid_t owner_;
};

} // namespace pglocks::test
