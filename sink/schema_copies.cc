#include "sink/schema_copies.h"

#include <fmt/format.h>

#include "sink/sql.h"

namespace sluice::sink {
namespace {

// Sorts as the references do, and tells their names.
std::string id_of(const std::string& id, std::size_t index, const std::string& reference) {
  return fmt::format("{}/{:03}/{}", id, index + 1, reference);
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
  auto client = SqlClient::open(settings_.url);
  if (!client) return std::unexpected(client.error());
  const std::string kind(name(schema.kind));
  const auto put = [&](const std::string& as, const std::string& body) -> Result<void> {
    const auto done = client->run(sql("schema_insert", settings_.schema), {registry, as, kind, body});
    if (!done) return std::unexpected(done.error());
    return {};
  };
  for (std::size_t n = 0; n < schema.references.size(); ++n) {
    const auto& [reference, body] = schema.references[n];
    if (auto done = put(id_of(id, n, reference), body); !done) return done;
  }
  return put(id, schema.body);
}

}  // namespace sluice::sink
