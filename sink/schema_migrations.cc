#include "sink/schema_migrations.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/table_name.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

std::string file_of(std::int64_t version) {
  return fmt::format("migration_{:03}", version);
}

// The first line of a file from version 3 on: "-- oldest reader: N".
std::string oldest_reader(std::int64_t version) {
  constexpr std::string_view mark = "-- oldest reader: ";
  const std::string_view text = sql_files().at(file_of(version));
  if (!text.starts_with(mark)) return {};
  return std::string(text.substr(mark.size(), text.find('\n') - mark.size()));
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
  const bool has_advance = text.find("advance(") != text.npos;
  SLUICE_CHECK(!has_advance);  // its comparison is spelled otherwise: the bug would change nothing
}
#endif

// The version that the schema has, and the oldest that may use it.
Result<std::pair<std::int64_t, std::int64_t>> version_of(SqlClient& client, const std::string& table) {
  // The column has come with version 3.
  const auto row = client.run("SELECT version, to_jsonb(v) ->> 'oldest_reader' AS oldest_reader FROM " + table +
                              " v ORDER BY version DESC LIMIT 1");
  if (!row) return std::unexpected(row.error());
  if (row->empty()) return std::pair<std::int64_t, std::int64_t>{0, 0};
  const auto version = row->front().integer("version");
  return std::pair{version, row->front()["oldest_reader"] ? row->front().integer("oldest_reader") : version};
}

}  // namespace

std::int64_t newest_version() {
  std::int64_t version = 0;
  while (sql_files().contains(file_of(version + 1))) ++version;
  return version;
}

Result<std::string> migration(SqlClient& client, const std::string& schema, std::int64_t known) {
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
    const auto found_version = version_of(client, table);
    if (!found_version) return std::unexpected(found_version.error());
    version = found_version->first;
    if (version > known && found_version->second <= known) return std::string();
    if (version > known) {
      return fail(
          ErrorClass::stop_service,
          fmt::format("schema {} has version {}, which programs from version {} on can use; this one knows {}; use a "
                      "newer sluice",
                      schema, version, found_version->second, known));
    }
  }
  std::string out;
  if (!exists) out += fmt::format("CREATE SCHEMA {};\n", quoted(schema));
  if (!versioned) {
    out += fmt::format("CREATE TABLE {} (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());\n",
                       table);
  }
  while (++version <= known) {
    auto text = sql(file_of(version), schema);
    SEEDED_BUG_DOES("no_compare_and_set", forget_comparison(text));
    const auto reader = oldest_reader(version);
    out += reader.empty() ? fmt::format("{}INSERT INTO {} (version) VALUES ({});\n", text, table, version)
                          : fmt::format("{}INSERT INTO {} (version, oldest_reader) VALUES ({}, {});\n", text, table,
                                        version, reader);
  }
  return out;
}

}  // namespace sluice::sink
