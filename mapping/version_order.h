// The order of two versions of a row, as PostgreSQL's >= has it in the statements that write them.
//
// Pure. The columns that may hold a version are those that PostgreSQL and we compare alike: numbers, dates, timestamps,
// uuid, bytea, and texts, whose order is that of their bytes (COLLATE "C").
#pragma once

#include <cstdint>
#include <string_view>

#include "base/table.h"

namespace sluice::mapping {

// Of an integer in PostgreSQL's binary form: two, four or eight bytes, the highest first.
std::int64_t integer_of(std::string_view bytes);

// Below, equal to or above zero; the bytes are in the column's encoding.
int compare_versions(const Column& column, std::string_view one, std::string_view other);

}  // namespace sluice::mapping
