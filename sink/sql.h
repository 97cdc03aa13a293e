// The statements in sink/sql/*.sql, embedded at build; in them `:schema` stands for Sluice's own schema and `:states`
// for the states that a pointer row may have; `:part NAME` for the text of part_NAME.sql, which several statements
// share.
//
// Thread-safe: constant data. An unknown name is a bug and throws std::out_of_range.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sink {

const std::map<std::string_view, std::string_view>& sql_files();

// The text of sql/NAME.sql with the schema (given unquoted) and the states in place.
std::string sql(std::string_view name, std::string_view schema);

// An array of texts as a parameter: its elements are quoted.
std::string array_of_texts(const std::vector<std::string>& texts);

}  // namespace sluice::sink
