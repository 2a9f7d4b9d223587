// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
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
    bool missing = false;       ///< a release has found nothing, and nobody has been told yet
    bool unlocked = false;      ///< while holds are drained: the last statement has found one to unlock
    std::uint32_t owned = 0;    ///< holds that lock objects own
    std::uint32_t disowned = 0; ///< holds that `release()` has left to the session
    std::uint32_t surplus = 0;  ///< holds whose release has yet to be sent

    [[nodiscard]] bool is_of(lock_key k, bool in_shared_mode) const noexcept {
        return key == k && shared == in_shared_mode;
    }
    [[nodiscard]] bool is_before(lock_key k, bool in_shared_mode) const noexcept {
        return key != k ? key < k : shared < in_shared_mode;
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

    /// Makes room for so many entries more, so that a later `for_each_made` cannot fail.
    void reserve(std::size_t more) {
        if (all_.capacity() - all_.size() < more) {
            erase_vacant();
            all_.reserve(std::max(all_.capacity(), all_.size() + std::max(more, all_.size())));
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

    /// Calls `f` with the entry of each key that has one.
    template <class F>
    void for_each_known(lock_keys keys, bool shared, const F& f) {
        auto at = keys.empty() ? all_.end() : position(keys.front(), shared);
        for (const lock_key key : keys) {
            while (at != all_.end() && at->is_before(key, shared)) {
                ++at;
            }
            if (at == all_.end()) {
                return;
            }
            if (at->is_of(key, shared)) {
                f(*at);
            }
        }
    }

    /// Calls `f` with the entry of each key, a new one where there is none: in one pass, as a merge of two
    /// sorted lists. *Requires*: room for them.
    template <class F>
    void for_each_made(lock_keys keys, bool shared, const F& f) {
        std::size_t known = 0;
        for_each_known(keys, shared, [&](hold&) { ++known; });
        if (const std::size_t fresh = keys.size() - known; fresh > 0) {
            std::size_t from = all_.size(); // what is merged, from the greatest
            all_.resize(all_.size() + fresh, hold{.key = keys.front(), .shared = shared});
            std::size_t to = all_.size();
            for (std::size_t left = keys.size(); left > 0 && to != from;) {
                const lock_key key = keys[left - 1];
                const hold* const last = from > 0 ? &all_[from - 1] : nullptr;
                if (last && !last->is_before(key, shared)) {
                    left -= last->is_of(key, shared) ? 1 : 0;
                    all_[--to] = all_[--from];
                } else {
                    --left;
                    all_[--to] = hold{.key = key, .shared = shared};
                }
            }
        }
        for_each_known(keys, shared, f);
    }

    void erase_vacant() noexcept {
        std::erase_if(all_, [](const hold& h) { return h.is_vacant(); });
    }

    [[nodiscard]] bool any_wants_release() const noexcept {
        return std::any_of(all_.begin(), all_.end(), [](const hold& h) { return h.wants_release(); });
    }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
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
        return std::lower_bound(all_.begin(), all_.end(), key,
                                [shared](const hold& h, lock_key k) { return h.is_before(k, shared); });
    }

    std::vector<hold> all_;
    std::size_t last_ = 0; ///< the entry that was found last: who locks, unlocks next
};

} // namespace pglocks::postgres
