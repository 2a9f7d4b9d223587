// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <soci/session.h>
#include <soci/transaction.h>

namespace pglocks {

/// A `soci::transaction` that knows its session: what a transaction-scope lock is built from.
///
/// Begins when constructed (BEGIN, one round trip; *Throws*: `soci::soci_error`), rolls back when destroyed
/// unless it was committed. Beware of nesting: PostgreSQL has one transaction per session, so a second
/// object's commit ends the first one's, too. And `commit()` of a transaction that has failed returns
/// normally, and rolls back.
class transaction : public soci::transaction {
public:
    /// Begins. *Requires*: the session outlives this object, and is in no transaction.
    explicit transaction(soci::session& session) : soci::transaction(session), session_(session) {}

    /// The session that was given.
    [[nodiscard]] soci::session& session() const noexcept { return session_; }

private:
    soci::session& session_;
};

} // namespace pglocks
