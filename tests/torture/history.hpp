// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/hold.hpp"

#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks::torture {

/// Something that a worker found out beside its holds.
enum class finding : std::uint8_t {
    phantom,         ///< the session held a lock that no answer had granted
    unusable,        ///< an error left the session unusable, though its connection stands
    release_failure, ///< what the release-failure handler was told
    usable_at_end,   ///< the session answered when its worker ended
    dead_at_end      ///< the session was known to be dead when its worker ended
};

struct note {
    finding what;
    instant when;
    hold_id during;
    std::string text;
};

/// The third witness: what one worker thread saw, appended to a file of its own.
///
/// Each event is one line, written at once, so that it outlives the process: the time of CLOCK_MONOTONIC in
/// nanoseconds, the hold's id, a word, and what belongs to it.
class history_writer {
public:
    /// *Throws*: std::system_error.
    history_writer(const std::filesystem::path& directory, unsigned worker, unsigned generation);
    ~history_writer();
    history_writer(const history_writer&) = delete;
    history_writer& operator=(const history_writer&) = delete;

    void asked(const hold& wanted);
    void granted(hold_id id, int backend);
    void denied(hold_id id, std::string_view why);
    void read(hold_id id, hold_id writer);
    void reread(hold_id id, hold_id writer);
    void wrote(hold_id id);
    /// The holder knows that it holds nothing, and has stopped its work.
    /// \param noticed when the first sign came
    void told(hold_id id, instant noticed, std::string_view sign);
    void releasing(hold_id id);
    void ended(hold_id id, ending how);
    void add(finding what, hold_id during, std::string_view text = {});

private:
    void append(hold_id id, std::string_view word, std::string_view rest = {}) const noexcept;

    int file_;
};

struct history {
    std::vector<hold> holds;
    std::vector<note> notes;
};

/// Reads what one worker wrote. A hold that was granted and whose end is not told is ending::open.
/// *Throws*: std::runtime_error for a line that no writer writes; a last line without its end is passed over.
[[nodiscard]] history read_history(std::istream& lines);

/// Reads what all workers wrote.
[[nodiscard]] history read_histories(const std::filesystem::path& directory);

} // namespace pglocks::torture
