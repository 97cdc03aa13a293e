// What type a column should have, from the schema that an event brings or else from the values that were seen.
//
// Values of one conversion, any thread. A guess is one that holds every value seen; where values differ in kind it is
// the wider one, and text takes all.
#pragma once

#include <string>

#include "base/value.h"

namespace sluice::runtime {

class ColumnGuess {
 public:
  // A value, and the SQL type that its event's schema says; empty without one.
  void see(const Value& value, const std::string& said);

  // The SQL type: the schema's, if it says one and the same of all values; text if nothing but nulls was seen.
  std::string type() const;
  // Whether that rests on anything.
  bool known() const { return seen_ != 0 || is_said(); }

 private:
  bool is_said() const { return !said_.empty() && !contradicted_; }

  unsigned seen_ = 0;    // kinds, as bits
  bool judged_ = false;  // said_ is of a value
  std::string said_;
  bool contradicted_ = false;  // by another schema, or by a value of an event without one
};

}  // namespace sluice::runtime
