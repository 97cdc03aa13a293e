// Chooses the column for a field that has none: its type by the event's schema or, without one, by its value; and
// whether there may be a column of its name.
//
// Pure functions of a lane's thread. docs/evolution.md has the table of types, which a test compares with these.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/evolution.h"
#include "base/field_type.h"
#include "base/table.h"
#include "base/value.h"

namespace sluice::mapping {

// The type of PostgreSQL's for such values; empty for `unknown`.
std::string column_type(const FieldType& type);
// What a value shows of its type; `unknown` of null and absent.
FieldType inferred_type(const Value& value);

// The type for values of both, which were inferred: a number with a fraction makes room for one. Else the first one's.
std::string type_for_both(std::string one, const std::string& other);

// The wider type that takes every value of the column and of the event's type; empty if the event's is not wider.
std::string wider_type(const Column& column, const FieldType& type);

// The same by a value that the column cannot hold; char(n) becomes `text` as well.
std::string wider_for_value(const Column& column, const Value& value);

// The type of a column with this collation, which is SQL; an empty one is the type's own.
std::string with_collation(const std::string& type, const std::string& collation);

// Returns why a column cannot have this name; null if it can. PostgreSQL would cut a long one.
const char* fault_of_name(std::string_view column);

}  // namespace sluice::mapping
