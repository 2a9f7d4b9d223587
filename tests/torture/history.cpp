// SPDX-License-Identifier: BSL-1.0
#include "torture/history.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <istream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <unordered_map>

namespace pglocks::torture {
namespace {

constexpr std::string_view file_prefix = "history-";
constexpr std::array<std::string_view, 5> finding_names{"phantom", "unusable", "release-failure",
                                                        "usable-at-end", "dead-at-end"};

nanoseconds::rep ticks(instant when) { return nanoseconds(when.time_since_epoch()).count(); }
instant at(nanoseconds::rep since_epoch) { return instant(nanoseconds(since_epoch)); }

template <class Names>
std::size_t index_of(const Names& names, std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) {
            return i;
        }
    }
    return names.size();
}

std::string rest_of(std::istream& line) {
    std::string text;
    std::getline(line >> std::ws, text);
    return text;
}

/// The lines of one worker, as they come.
class reader {
public:
    void take(const std::string& text) {
        std::istringstream line(text);
        nanoseconds::rep since_epoch = 0;
        std::uint64_t id = 0;
        std::string word;
        line >> since_epoch >> id >> word;
        if (const auto what = index_of(finding_names, word); what < finding_names.size()) {
            read_.notes.push_back({static_cast<finding>(what), at(since_epoch), hold_id(id), rest_of(line)});
        } else if (word == "asked") {
            places_[id] = read_.holds.size();
            take_question(line, hold_id(id), at(since_epoch));
        } else if (!places_.contains(id) ||
                   !take_event(read_.holds[places_[id]], word, line, at(since_epoch))) {
            throw std::runtime_error("no worker writes such a line: " + text);
        }
    }

    history finish() { return std::move(read_); }

private:
    void take_question(std::istream& line, hold_id id, instant when) {
        hold h{.id = id, .asked = when};
        unsigned wait = 0;
        unsigned route = 0;
        nanoseconds::rep bound = 0;
        line >> h.key >> h.shared >> h.in_transaction >> wait >> route >> bound >> h.raced;
        h.wait = static_cast<wait_kind>(wait);
        h.route = static_cast<torture::route>(route);
        if (bound > 0) {
            h.bound = nanoseconds(bound);
        }
        read_.holds.push_back(std::move(h));
    }

    static bool take_event(hold& h, const std::string& word, std::istream& line, instant when) {
        std::uint64_t writer = 0;
        nanoseconds::rep noticed = 0;
        if (word == "granted") {
            line >> h.backend;
            h.answered = when;
            h.how = ending::open;
            h.claimed_until = instant::max();
        } else if (word == "denied") {
            if (!h.answered) {
                h.answered = when;
                h.denial = rest_of(line);
            }
        } else if (word == "read") {
            line >> writer;
            h.read = hold_id(writer);
        } else if (word == "reread") {
            line >> writer;
            h.reread = hold_id(writer);
        } else if (word == "wrote") {
            h.wrote = true;
        } else if (word == "told") {
            if (!h.noticed) { // what is known already is told again by the release
                line >> noticed;
                h.noticed = at(noticed);
                h.sign = rest_of(line);
            }
            h.how = ending::lost;
            h.claimed_until = std::min(h.claimed_until, when);
        } else if (word == "releasing") {
            h.claimed_until = std::min(h.claimed_until, when);
        } else if (word == name_of(ending::released) || word == name_of(ending::not_held)) {
            const auto how = word == name_of(ending::released) ? ending::released : ending::not_held;
            h.how = h.how == ending::lost ? ending::lost : how;
        } else {
            return false;
        }
        return true;
    }

    history read_;
    std::unordered_map<std::uint64_t, std::size_t> places_;
};

} // namespace

history_writer::history_writer(const std::filesystem::path& directory, unsigned worker, unsigned generation) {
    const auto name =
        directory / (std::string(file_prefix) + std::to_string(worker) + '-' + std::to_string(generation));
    file_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file_ < 0) {
        throw std::system_error(errno, std::generic_category(), "cannot write " + name.string());
    }
}

history_writer::~history_writer() { ::close(file_); }

void history_writer::append(hold_id id, std::string_view word, std::string_view rest) const noexcept {
    std::string line = std::to_string(ticks(std::chrono::steady_clock::now())) + ' ' +
                       std::to_string(id.value) + ' ' + std::string(word) + ' ';
    for (const char c : rest) {
        line += c == '\n' ? ' ' : c;
    }
    line += '\n';
    if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        std::_Exit(74); // a history with holes would prove nothing
    }
}

void history_writer::asked(const hold& wanted) {
    std::ostringstream rest;
    rest << wanted.key << ' ' << wanted.shared << ' ' << wanted.in_transaction << ' '
         << static_cast<unsigned>(wanted.wait) << ' ' << static_cast<unsigned>(wanted.route) << ' '
         << wanted.bound.value_or(nanoseconds(0)).count() << ' ' << wanted.raced;
    append(wanted.id, "asked", rest.str());
}
void history_writer::granted(hold_id id, int backend) { append(id, "granted", std::to_string(backend)); }
void history_writer::denied(hold_id id, std::string_view why) { append(id, "denied", why); }
void history_writer::read(hold_id id, hold_id writer) { append(id, "read", std::to_string(writer.value)); }
void history_writer::reread(hold_id id, hold_id writer) {
    append(id, "reread", std::to_string(writer.value));
}
void history_writer::wrote(hold_id id) { append(id, "wrote"); }
void history_writer::told(hold_id id, instant noticed, std::string_view sign) {
    append(id, "told", std::to_string(ticks(noticed)) + ' ' + std::string(sign));
}
void history_writer::releasing(hold_id id) { append(id, "releasing"); }
void history_writer::ended(hold_id id, ending how) { append(id, name_of(how)); }
void history_writer::add(finding what, hold_id during, std::string_view text) {
    append(during, finding_names.at(static_cast<std::size_t>(what)), text);
}

history read_history(std::istream& lines) {
    reader worker;
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
        worker.take(line);
    }
    return worker.finish();
}

history read_histories(const std::filesystem::path& directory) {
    history all;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().filename().string().starts_with(file_prefix)) {
            std::ifstream file(entry.path());
            history one = read_history(file);
            std::move(one.holds.begin(), one.holds.end(), std::back_inserter(all.holds));
            std::move(one.notes.begin(), one.notes.end(), std::back_inserter(all.notes));
        }
    }
    return all;
}

} // namespace pglocks::torture
