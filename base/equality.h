// A question that only PostgreSQL can answer: whether it calls two values of a column equal.
//
// Plain data, of any thread. Type, operator and collation are the catalogue's words; the values are texts of an event.
#pragma once

#include <string>

namespace sluice {

struct Equality {
  std::string type, equals;  // as Column::cast and Column::equals
  std::string collation;     // as SQL; empty: the type's
  std::string one, other;    // as the type's input takes them

  bool operator==(const Equality&) const = default;
};

}  // namespace sluice
