// SPDX-License-Identifier: BSL-1.0
// Every SQL statement that the documentation shows runs on PostgreSQL as it stands there.
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

std::vector<statement> documented_statements() {
    std::vector<statement> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(PGLOCKS_DOCS_DIR)) {
        if (entry.path().extension() != ".md") {
            continue;
        }
        std::ifstream file(entry.path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        static const std::regex block("```sql\n([^`]*)```");
        for (std::sregex_iterator found(text.begin(), text.end(), block), end; found != end; ++found) {
            all.push_back({entry.path().filename().string(), found->str(1)});
        }
    }
    return all;
}

TEST_F(lock_test, every_documented_statement_runs) {
    const advisory_lock held(a_, "nightly-report");
    const auto statements = documented_statements();
    ASSERT_GT(statements.size(), 10U);
    for (const auto& [page, text] : statements) {
        soci::session session = connect(); // a session of its own: one statement ends those that hold a lock
        EXPECT_NO_THROW(query(session, text)) << page << ":\n" << text;
    }
}

} // namespace
} // namespace pglocks::test
