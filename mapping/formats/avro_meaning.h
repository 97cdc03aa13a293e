// What the attributes of an Avro type say beyond the type itself. Internal to the compiler of schemas.
//
// Plain functions and values; what is wrong with a schema is thrown as an AvroComplaint, which compile_avro() catches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "mapping/formats/avro_schema.h"

namespace sluice::mapping {

// The first thing that is wrong ends the reading.
struct AvroComplaint {
  std::string text;
};

[[noreturn]] void complain(std::string text);

// The attributes of a schema that is an object.
class AvroAttributes {
 public:
  explicit AvroAttributes(std::string_view json);

  const Value* find(std::string_view name) const { return sluice::find(fields_, name); }
  // Empty if it is missing or not a string.
  std::string text(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name) const;
  // Of connect.parameters, whose values are strings.
  std::string parameter_text(std::string_view name) const;
  std::optional<std::int64_t> parameter(std::string_view name) const;
  bool of_connect() const;

 private:
  std::vector<Field> fields_;
  ValueArena names_;
};

void give_meaning(const AvroAttributes& attributes, AvroNode& to);

}  // namespace sluice::mapping
