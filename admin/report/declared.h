// What a command's results may hold, declared: sections without rows, which a handler fills. From the same sections
// come the fields in the help and the JSON Schema.
//
// Pure functions. Sections of one name in a declaration are alternatives of which a result has one.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/report/report.h"

namespace sluice::report {

// The declared record with its row.
Section filled(Section declared, std::vector<Value> row);
// The same by name: an optional column without a cell is left out.
Section filled_by_name(Section declared, std::map<std::string_view, Value> cells);
// The declared section where not every result of the command has it.
Section sometimes(Section declared);
// Takes an optional column out of a section that has no rows yet.
void leave_out(Section& section, std::string_view column);
// Contents of records as they are, however long.
void show_whole(Section& section);

// What the report holds although it is not declared, or holds in another type, or without a value although it always
// has one, or lacks although it is not optional (a section only where the report is `whole`, as for programs); empty:
// nothing.
std::string undeclared(const Report& report, std::span<const Section> declared, bool whole);
// A line for each section: "topics[]: topic, lag", optional ones with a ?.
std::vector<std::string> field_lines(std::span<const Section> declared);

}  // namespace sluice::report
