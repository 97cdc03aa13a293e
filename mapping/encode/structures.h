// The texts of structures that say a time, a duration or a shape by their parts, as PostgreSQL reads them.
//
// Such are what Debezium writes with time.precision.mode = structured, and for PostgreSQL's geometric types. The names
// of the members say what they are, whatever the format: at least one of picoseconds, precision and specialValue is a
// member of Debezium's times, also where it is null. Plain functions; after an error `out` may have a part of it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/value.h"
#include "mapping/value_error.h"

namespace sluice::mapping {

// {year, month, day} and {hour, minute, second, picoseconds}, or one of the two, with {offsetSeconds} or {zoneId}; or
// {specialValue}, which is infinite.
ValueError append_moment_of_parts(std::span<const Field> members, std::string& out);
// {years, months, days, hours, minutes, seconds, picoseconds}, each with a sign of its own.
ValueError append_duration_of_parts(std::span<const Field> members, std::string& out);

// Members a, b and c.
ValueError append_line_of_parts(std::span<const Field> members, std::string& out);
// Members center, with x and y, and radius.
ValueError append_circle_of_parts(std::span<const Field> members, std::string& out);
// Members dimensions and vector, a map from indices to numbers, in pgvector's sparsevec.
ValueError append_sparse_vector_of_parts(std::span<const Field> members, std::string& out);
// Well-known binary of a polygon or of lines, in a column of the type box, lseg, path or polygon. `closed`: of a path.
ValueError append_shape_of_wkb(std::string_view type, std::string_view wkb, bool closed, std::string& out);

}  // namespace sluice::mapping
