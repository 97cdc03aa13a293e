// A route's table as the file spells it: `schema.table` or `table`, with placeholders in braces.
//
// Pure. It is taken apart before anything is filled in, so that a placeholder's value is one identifier, or a part of
// one, and never adds a dot.
#pragma once

#include <string_view>

namespace sluice::config {

struct TableTemplate {
  std::string_view schema;  // empty: the table is found by the search path
  std::string_view table;
};
TableTemplate split_template(std::string_view text);

bool has_placeholder(std::string_view part);
// Returns true if the event's source block names the table, or a part of its name.
bool names_source(std::string_view text);
// Returns true for schemas that no event may be written to: PostgreSQL's own, which all begin with pg_ but
// information_schema, and Sluice's own.
bool reserved_schema(std::string_view schema, std::string_view own);
// Returns true if some events could give both templates the same name.
bool may_meet(std::string_view one, std::string_view other);
// The same for whole tables. A name without a schema may be found in any.
bool tables_may_meet(std::string_view one, std::string_view other);

}  // namespace sluice::config
