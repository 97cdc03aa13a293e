// Schemas of events that a registry keeps: how a record names one, what the registry says of it, and who can be asked.
//
// Formats need schemas and do no I/O, the registry's client knows no formats, and the copies are kept in PostgreSQL:
// these plain values and interfaces are what passes between them. A name stands for the same schema for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice {

// The name of a schema in a record: the registry's number, or the GUID of newer clients.
struct SchemaName {
  bool is_guid = false;
  std::uint64_t high = 0;  // of a GUID, as it is printed
  std::uint64_t low = 0;   // the number, or the rest of the GUID

  bool operator==(const SchemaName&) const = default;
  auto operator<=>(const SchemaName&) const = default;
  std::string text() const;  // "7", "0d3d5ad3-6a02-4ee0-a4b6-6f7a3f1a2b3c"
};

inline constexpr std::uint64_t max_schema_number = 2'147'483'647;  // the registry's numbers have 31 bits

enum class SchemaKind : std::uint8_t { avro, json, protobuf, other };

inline constexpr std::size_t longest_schema = 8u << 20;  // bytes

// A schema that another one refers to, by the name it uses for it.
struct SchemaDocument {
  std::string name;
  std::string body;
};

struct RegisteredSchema {
  SchemaKind kind = SchemaKind::avro;
  std::string body;
  std::vector<SchemaDocument> references{};  // each one after those that it refers to itself
};

// "AVRO", "JSON", "PROTOBUF": the registry's words, also in sluice.schema; `other` is any word that is none of them.
std::string_view name(SchemaKind kind);
SchemaKind schema_kind(std::string_view name);

// Knows the schemas, or asks for them in the background. Any thread.
class SchemaSource {
 public:
  using Found = Result<std::shared_ptr<const RegisteredSchema>>;

  virtual ~SchemaSource() = default;
  // Returns the schema if it is known, and asks for it otherwise. The caller waits until `patience` after it was first
  // asked for, so a lane that comes again does not wait again. Errors: `reject`, the registry does not know it;
  // `retry`, no answer yet; `stop_partition`, the registry cannot be asked, and for how long it has been so makes it
  // worth telling.
  virtual Found find(const SchemaName& schema, std::chrono::milliseconds patience) = 0;
};

// A copy of what the registry said, for a start while it is away. Used by one thread.
class SchemaStore {
 public:
  virtual ~SchemaStore() = default;
  virtual Result<std::optional<RegisteredSchema>> load(const std::string& registry, const std::string& id) = 0;
  virtual Result<void> save(const std::string& registry, const std::string& id, const RegisteredSchema& schema) = 0;
};

}  // namespace sluice
