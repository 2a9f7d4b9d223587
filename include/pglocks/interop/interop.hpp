// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/interop/dotnet.hpp>
#include <pglocks/interop/go.hpp>
#include <pglocks/interop/java.hpp>
#include <pglocks/interop/node.hpp>
#include <pglocks/interop/php.hpp>
#include <pglocks/interop/python.hpp>
#include <pglocks/interop/ruby.hpp>
#include <pglocks/interop/rust.hpp>

/// Hash policies that give the keys of other ecosystems' libraries. pglocks.hpp includes Python's alone:
/// include this header for all of them, or that of the language.
namespace pglocks::interop {

/// Every interop policy. One is added by its struct, its line here and its vectors in the tests.
using all = type_list<
    // clang-format off
    django_pglocks,
    django_pglocks2,
    django_pglock,
    pals<>,
    postgresql_lock,
    with_advisory_lock<>,
    rails_migration,
    good_job,
    heroku_pg_lock,
    symfony,
    sqlx,
    sqlx_migration,
    golang_migrate<>,
    river<>,
    advisory_lock_js,
    distributed_lock,
    flyway,
    liquibase_sessionlock<>
    // clang-format on
    >;

} // namespace pglocks::interop
