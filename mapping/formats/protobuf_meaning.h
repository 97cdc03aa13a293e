// What messages stand for that have a meaning of their own: a time, a decimal, any JSON.
//
// Plain functions of a lane's thread; what they make lives in the record's ValueArena.
#pragma once

#include <span>

#include "base/value.h"
#include "mapping/formats/protobuf/protobuf_schema.h"

namespace sluice::mapping {

// The value that the fields of such a message stand for, all of them, in the order of their numbers. `as_text`: times
// as JSON has them. What they cannot stand for (the 30th of February, a year alone) stays the structure that it is.
Value meaningful(ProtobufMeaning meaning, std::span<Field> fields, bool as_text, ValueArena& arena);

}  // namespace sluice::mapping
