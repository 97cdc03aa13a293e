// What a column of `columns.add` holds: a fact of the record, in the words of expressions, or a header.
//
// Pure functions, any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/expression/expression.h"

namespace sluice::config {

struct ColumnSource {
  RecordFact fact = RecordFact::offset;
  std::vector<std::string> path = {};  // within @source or @key
  std::string header = {};             // name of the header
};

// Reads "@offset", "@source.lsn", "header:tenant". The error is what is wrong and what to do.
std::expected<ColumnSource, std::string> parse_column_source(std::string_view text);

}  // namespace sluice::config
