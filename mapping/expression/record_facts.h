// Facts of a record beside its fields: place, time, operation, key, source and headers, as values.
//
// Pure functions of the mapper's thread. A value lives as long as the record and the event.
#pragma once

#include <string_view>

#include "base/expression/expression.h"
#include "base/record.h"
#include "base/value.h"
#include "mapping/formats/event.h"

namespace sluice::mapping {

// What an expression, or an added column, may ask about.
struct Subject {
  const Event& event;
  const Image& row;  // where fields are looked up
  const Record& record;
  const Image* key = nullptr;  // the record key, for @key.FIELD; null if nobody read it
};

// Returns the fact, null if the record does not have it. The record key and a header are texts of any bytes.
Value record_fact(RecordFact fact, std::string_view header, const Subject& subject);
// Returns the field of the record key by this name, for @key.FIELD; null if the key cannot be read or has none.
const Value* key_field(const Subject& subject, std::string_view name);

}  // namespace sluice::mapping
