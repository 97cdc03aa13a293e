#include "sink/schema_migrations.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

std::string file_of(std::int64_t version) {
  return fmt::format("migration_{:03}", version);
}

std::int64_t newest() {
  std::int64_t version = 0;
  while (sql_files().contains(file_of(version + 1))) ++version;
  return version;
}

#ifdef SLUICE_FAULTS
// For a seeded bug: advance() moves a pointer wherever it is.
void forget_comparison(std::string& text) {
  for (const std::string_view comparison : {"AND p.next_offset = expected[i]", "AND p.next_offset = s.expected"}) {
    const auto from = text.find(comparison);
    if (from == text.npos) continue;
    text.erase(from, text.find(';', from) - from);
    return;
  }
  SLUICE_CHECK(text.find("advance(") == text.npos, "the text of advance() has its comparison elsewhere");
}
#endif

}  // namespace

Result<std::string> migration(SqlClient& client, const std::string& schema) {
  // Asked first, because CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists.
  const auto table = quoted(schema) + ".schema_version";
  const auto found = client.run(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS schema_exists, "
      "to_regclass($2) IS NOT NULL AS versioned",
      {schema, table});
  if (!found) return std::unexpected(found.error());
  const bool exists = found->front().boolean("schema_exists");
  const bool versioned = found->front().boolean("versioned");
  std::int64_t version = 0;
  if (versioned) {
    const auto newest_run = client.run("SELECT max(version) AS version FROM " + table);
    if (!newest_run) return std::unexpected(newest_run.error());
    version = newest_run->front().integer("version");
  }
  if (version > newest()) {
    return fail(
        ErrorClass::stop_service,
        fmt::format("schema {} has version {}, this program knows {}; use a newer sluice", schema, version, newest()));
  }
  std::string out;
  if (!exists) out += fmt::format("CREATE SCHEMA {};\n", quoted(schema));
  if (!versioned) {
    out += fmt::format("CREATE TABLE {} (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());\n",
                       table);
  }
  while (++version <= newest()) {
    auto text = sql(file_of(version), schema);
    SEEDED_BUG_DOES("no_compare_and_set", forget_comparison(text));
    out += fmt::format("{}INSERT INTO {} (version) VALUES ({});\n", text, table, version);
  }
  return out;
}

}  // namespace sluice::sink
