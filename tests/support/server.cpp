// SPDX-License-Identifier: BSL-1.0
#include "support/server.hpp"

#include "support/observer.hpp"

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>

namespace pglocks::test {

server::server(const std::string& conninfo) {
    using option_list =
        std::unique_ptr<PQconninfoOption, decltype([](PQconninfoOption* o) { PQconninfoFree(o); })>;
    char* message = nullptr;
    const option_list options(PQconninfoParse(conninfo.c_str(), &message));
    if (!options) {
        const std::unique_ptr<char, decltype([](char* m) { PQfreemem(m); })> owned(message);
        throw std::invalid_argument(
            conninfo + " is not a connection string: " + std::string(message == nullptr ? "" : message));
    }
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr)
            parameters_[option->keyword] = option->val;
    }
}

std::string server::conninfo(const std::string& database) const {
    auto parameters = parameters_;
    if (!database.empty())
        parameters["dbname"] = database;
    std::string text;
    for (const auto& [keyword, value] : parameters) {
        text += (text.empty() ? "" : " ") + keyword + "='";
        for (const char c : value)
            text += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
        text += '\'';
    }
    return text;
}

void server::create_database(const std::string& name) const {
    observer(conninfo())
        .exec("create database " + quoted_identifier(name) + " template template0 encoding 'UTF8'");
}

void server::drop_database(const std::string& name) const {
    observer(conninfo()).exec("drop database " + quoted_identifier(name) + " with (force)");
}

void server::set_parameter(const std::string& keyword, const std::string& value) {
    parameters_[keyword] = value;
}

} // namespace pglocks::test
