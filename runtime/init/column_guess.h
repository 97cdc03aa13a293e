// What type a column should have, from the schema that an event brings or else from the values that were seen.
//
// Values of one conversion, any thread. A guess is one that holds every value seen; where values differ in kind it is
// the wider one, and text takes all.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/value.h"

namespace sluice::runtime {

class ColumnGuess {
 public:
  void see(const Value& value);
  // What a schema says; two different answers count as none.
  void say(const std::string& type);

  // The SQL type; text if nothing but nulls was seen.
  std::string type() const;
  bool known() const { return seen_ != 0 || (!said_.empty() && !contradicted_); }

 private:
  unsigned seen_ = 0;  // kinds, as bits
  std::string said_;
  bool contradicted_ = false;
};

// The SQL type of a field of a schema of Connect's; empty if it is none that is known.
std::string connect_sql_type(const nlohmann::json& field);

// The types that a value or a key in Connect's wrapping says of its fields; of an envelope those of its row. Empty
// without a schema.
std::map<std::string, std::string> connect_types(std::string_view text);

}  // namespace sluice::runtime
