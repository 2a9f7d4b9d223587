// SPDX-License-Identifier: BSL-1.0
// Every SQL statement that the documentation shows, in a block or a line, runs on PostgreSQL as it stands
// there.
#include "integration/lock_test.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

namespace pglocks::test {
namespace {

struct statement {
    std::string page;
    std::string text;
};

std::vector<std::filesystem::path> pages() {
    const std::filesystem::path docs(PGLOCKS_DOCS_DIR);
    std::vector<std::filesystem::path> all{docs.parent_path() / "README.md"};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(docs)) {
        if (entry.path().extension() == ".md") {
            all.push_back(entry.path());
        }
    }
    return all;
}

/// What the expression's group finds.
std::vector<statement> documented_statements(const std::regex& expression) {
    std::vector<statement> all;
    for (const auto& page : pages()) {
        std::ifstream file(page);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        for (std::sregex_iterator found(text.begin(), text.end(), expression), end; found != end; ++found) {
            all.push_back({page.filename().string(), found->str(1)});
        }
    }
    return all;
}

class documented_sql : public lock_test {
protected:
    void run(const std::vector<statement>& statements) {
        for (const auto& [page, text] : statements) {
            soci::session session = connect(); // of its own: one statement ends those that hold a lock
            EXPECT_NO_THROW(query(session, text)) << page << ":\n" << text;
        }
    }
};

TEST_F(documented_sql, in_blocks_runs) {
    const advisory_lock held(a_, "nightly-report");
    const auto statements = documented_statements(std::regex("```sql\n([^`]*)```"));
    ASSERT_GT(statements.size(), 10U);
    run(statements);
}

TEST_F(documented_sql, in_lines_runs) {
    query(a_, "create table t (id bigint, priority integer)"); // of a bad example
    auto statements = documented_statements(std::regex("[^`]`(select [^`]*)`"));
    ASSERT_GT(statements.size(), 2U);
    std::erase_if(statements, [](const statement& s) { return s.text.find("...") != std::string::npos; });
    run(statements);
}

} // namespace
} // namespace pglocks::test
