#include "sink/schema_migrations.h"

#include <fmt/format.h>

#include <pqxx/result>

#include "base/failpoint.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

std::string file_of(int version) {
  return fmt::format("migration_{:03}", version);
}

int newest() {
  int version = 0;
  while (sql_files().contains(file_of(version + 1))) ++version;
  return version;
}

}  // namespace

Result<std::string> migration(pqxx::transaction_base& transaction, const std::string& schema) {
  // Asked first, because CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists.
  const bool exists =
      !transaction.exec_params("SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", schema).empty();
  const auto table = quoted(schema) + ".schema_version";
  int version = 0;
  const bool versioned = transaction.exec_params1("SELECT to_regclass($1) IS NOT NULL", table)[0].as<bool>();
  if (versioned) version = transaction.exec1("SELECT coalesce(max(version), 0) FROM " + table)[0].as<int>();
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
    SEEDED_BUG_DOES("no_compare_and_set", const auto from = text.find("AND p.next_offset = expected");
                    text.erase(from, text.find(';', from) - from));
    out += fmt::format("{}INSERT INTO {} (version) VALUES ({});\n", text, table, version);
  }
  return out;
}

}  // namespace sluice::sink
