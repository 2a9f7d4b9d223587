// SPDX-License-Identifier: BSL-1.0
#include "torture/shared_claims.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace pglocks::torture {
namespace {

// A claim is the id of the hold, with its mode in a bit that ids do not use.
constexpr std::uint64_t shared_bit = std::uint64_t{1} << 63;

} // namespace

void shared_claims::unmap::operator()(layout* memory) const noexcept { ::munmap(memory, sizeof(layout)); }

shared_claims::layout* shared_claims::map(const std::filesystem::path& file, int flags) {
    const auto fail = [&] {
        throw std::system_error(errno, std::generic_category(), "cannot share memory in " + file.string());
    };
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
    if (descriptor < 0 || ((flags & O_CREAT) != 0 && ::ftruncate(descriptor, sizeof(layout)) != 0)) {
        fail();
    }
    void* const memory = ::mmap(nullptr, sizeof(layout), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    if (memory == MAP_FAILED) {
        fail();
    }
    return static_cast<layout*>(memory); // a new file is all zeros, which is what all members begin with
}

shared_claims::shared_claims(const std::filesystem::path& file, const options& chosen)
    : memory_(map(file, O_CREAT | O_EXCL)) {
    memory_->processes = chosen.processes;
    memory_->threads = chosen.threads;
    memory_->keys = chosen.keys;
    memory_->seed = chosen.seed;
    memory_->control = chosen.control;
    memory_->races_timeouts = std::ranges::count(chosen.faults, fault_kind::race_timeouts) > 0 ||
                              chosen.control == control::naive_timeout;
}

shared_claims::shared_claims(const std::filesystem::path& file) : memory_(map(file, 0)) {}

bool shared_claims::is_alive(hold_id id) const noexcept {
    return id.generation() > memory_->buried.at(id.worker() / memory_->threads).load();
}

void shared_claims::enter(hold_id id, std::int64_t key, bool shared) noexcept {
    auto& claims = memory_->claims.at(static_cast<std::size_t>(key));
    claims.at(id.worker()).store(id.value | (shared ? shared_bit : 0));
    for (unsigned worker = 0; worker < memory_->processes * memory_->threads; ++worker) {
        const auto claim = claims.at(worker).load();
        const hold_id present(claim & ~shared_bit);
        if (claim == 0 || worker == id.worker() || (shared && (claim & shared_bit) != 0) ||
            !is_alive(present)) {
            continue;
        }
        if (const auto place = memory_->conflict_count.fetch_add(1); place < max_conflicts) {
            memory_->conflicts.at(place) = {key, present, id, std::chrono::steady_clock::now()};
        }
    }
}

void shared_claims::leave(hold_id id, std::int64_t key) noexcept {
    memory_->claims.at(static_cast<std::size_t>(key)).at(id.worker()).store(0);
}

void shared_claims::bury(unsigned process, unsigned generation) noexcept {
    memory_->buried.at(process).store(generation);
}

instant shared_claims::planned_release() const noexcept {
    return instant(nanoseconds(memory_->planned_release.load()));
}
void shared_claims::plan_release(instant when) noexcept {
    memory_->planned_release.store(std::chrono::duration_cast<nanoseconds>(when.time_since_epoch()).count());
}

std::vector<conflict> shared_claims::conflicts() const {
    const auto count = std::min(memory_->conflict_count.load(), max_conflicts);
    return {memory_->conflicts.begin(), memory_->conflicts.begin() + count};
}

std::uint32_t shared_claims::unrecorded_conflicts() const noexcept {
    const auto count = memory_->conflict_count.load();
    return count > max_conflicts ? count - max_conflicts : 0;
}

} // namespace pglocks::torture
