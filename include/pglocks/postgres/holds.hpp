// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pglocks::postgres {

/// What pglocks knows of one key and mode at session scope on one connection.
///
/// The server counts holds and does not show the count. It counts `owned + surplus` here, or more if
/// `uncertain`.
struct hold {
    lock_key key;
    bool shared;
    bool uncertain = false;     ///< after an error the server may count more holds than we do
    std::uint32_t owned = 0;    ///< holds that lock objects own
    std::uint32_t disowned = 0; ///< holds that `release()` has left to the session
    std::uint32_t surplus = 0;  ///< holds whose release has yet to be sent

    [[nodiscard]] bool is_of(lock_key k, bool in_shared_mode) const noexcept {
        return key == k && shared == in_shared_mode;
    }
    /// The session is to hold the key on, whatever is released.
    [[nodiscard]] bool is_kept() const noexcept { return owned + disowned > 0; }
    /// How many holds the server has cannot be known, and none is wanted: unlock until there is none.
    [[nodiscard]] bool wants_draining() const noexcept { return uncertain && !is_kept(); }
    /// There is something to send, as soon as it can be sent.
    [[nodiscard]] bool wants_release() const noexcept { return surplus > 0 || wants_draining(); }
    /// Nothing is known that is worth keeping.
    [[nodiscard]] bool is_vacant() const noexcept { return !is_kept() && surplus == 0 && !uncertain; }
};

/// The holds of one connection, sorted by key and mode.
///
/// Vacant entries stay until their room is needed, so that a lock that is taken again and again finds its
/// own: no allocation in a cycle of lock and unlock, and nothing moves.
class holds {
public:
    using iterator = std::vector<hold>::iterator;

    [[nodiscard]] hold* find(lock_key key, bool shared) noexcept {
        return last_ < all_.size() && all_[last_].is_of(key, shared) ? &all_[last_] : search(key, shared);
    }
    [[nodiscard]] const hold* find(lock_key key, bool shared) const noexcept {
        return const_cast<holds*>(this)->find(key, shared); // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }

    /// Makes room for one more entry, so that a later `at` cannot fail.
    void reserve_one() {
        if (all_.size() == all_.capacity()) {
            make_room();
        }
    }

    /// The entry of this key and mode, a new one if there is none. *Requires*: `reserve_one()` since the last
    /// new one.
    [[nodiscard]] hold& at(lock_key key, bool shared) noexcept {
        if (hold* const known = find(key, shared)) {
            return *known;
        }
        return insert(key, shared);
    }

    void erase_vacant() noexcept {
        std::erase_if(all_, [](const hold& h) { return h.is_vacant(); });
    }

    [[nodiscard]] bool any_wants_release() const noexcept {
        return std::any_of(all_.begin(), all_.end(), [](const hold& h) { return h.wants_release(); });
    }
    [[nodiscard]] iterator begin() noexcept { return all_.begin(); }
    [[nodiscard]] iterator end() noexcept { return all_.end(); }

private:
    // Apart from what is done again and again, which is short so.
    [[gnu::noinline]] hold& insert(lock_key key, bool shared) noexcept {
        return *all_.insert(position(key, shared), hold{.key = key, .shared = shared});
    }

    [[gnu::noinline]] void make_room() {
        erase_vacant();
        if (all_.size() > all_.capacity() / 2) {
            all_.reserve(2 * all_.capacity());
        } else if (all_.capacity() == 0) {
            all_.reserve(8);
        }
    }

    [[nodiscard, gnu::noinline]] hold* search(lock_key key, bool shared) noexcept {
        const auto at = position(key, shared);
        if (at == all_.end() || !at->is_of(key, shared)) {
            return nullptr;
        }
        last_ = static_cast<std::size_t>(at - all_.begin());
        return &*at;
    }

    [[nodiscard]] iterator position(lock_key key, bool shared) noexcept {
        return std::lower_bound(all_.begin(), all_.end(), key, [shared](const hold& h, lock_key k) {
            return h.key != k ? h.key < k : h.shared < shared;
        });
    }

    std::vector<hold> all_;
    std::size_t last_ = 0; ///< the entry that was found last: who locks, unlocks next
};

} // namespace pglocks::postgres
