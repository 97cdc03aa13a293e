#include "sink/schema_copies.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "sink/sql.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

// Sorts as the references do, and tells their names.
std::string id_of(const std::string& id, std::size_t index, const std::string& reference) {
  return fmt::format("{}/{:03}/{}", id, index + 1, reference);
}

// What PostgreSQL refuses for its contents will never be stored.
std::unexpected<Error> copy_failed(Error error) {
  if (classify(error.sqlstate, error.message) == ErrorClass::reject) error.next = ErrorClass::reject;
  return std::unexpected(std::move(error));
}

std::string reference_of(const std::string& id, const std::string& stored) {
  const auto slash = stored.find('/', id.size() + 1);
  return slash == stored.npos ? std::string() : stored.substr(slash + 1);
}

}  // namespace

Result<std::optional<RegisteredSchema>> SchemaCopies::load(const std::string& registry, const std::string& id) {
  auto client = SqlClient::open(settings_.url);
  if (!client) return std::unexpected(client.error());
  const auto rows = client->run(sql("schema_select", settings_.schema), {registry, id});
  if (!rows) return std::unexpected(rows.error());
  std::optional<RegisteredSchema> found;
  for (const Row& row : *rows) {
    if (row.text("id") == id) {
      found = {schema_kind(row.text("kind")), row.text("body"), {}};
    } else if (found) {
      found->references.push_back({reference_of(id, row.text("id")), row.text("body")});
    }
  }
  return found;
}

// What it refers to goes first: a schema that is there is there as a whole.
Result<void> SchemaCopies::save(const std::string& registry, const std::string& id, const RegisteredSchema& schema) {
  if (access_ == Access::read) return {};
  auto client = SqlClient::open(settings_.url);
  if (!client) return std::unexpected(client.error());
  const std::string kind(name(schema.kind));
  const auto run = [&](const char* statement, const Fields& values) -> Result<void> {
    const auto done = client->run(sql(statement, settings_.schema), values);
    if (!done) return copy_failed(done.error());
    return {};
  };
  std::vector<std::string> references;
  for (const auto& [reference, body] : schema.references) {
    references.push_back(id_of(id, references.size(), reference));
    if (auto done = run("schema_insert", {registry, references.back(), kind, body}); !done) return done;
  }
  // Of an earlier schema with this number, before the registry was set up anew.
  if (auto done = run("schema_delete", {registry, id, array_of_texts(references)}); !done) return done;
  return run("schema_insert", {registry, id, kind, schema.body});
}

}  // namespace sluice::sink
