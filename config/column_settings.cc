// The settings of a route that say which fields become which columns, and what is added to them.
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> route_columns() {
  return {
      {.section = "route",
       .name = "flatten",
       .field = in<&Route::flatten>(),
       .help =
           "What stands between the names of a nested object and of its field, where nested objects are taken "
           "apart: \"_\" makes address.city the column address_city, at any depth. Arrays stay as they are, and so does "
           "an object that has a column of its own. Empty: nested objects stay JSON. See columns.md.",
       .check = check_delimiter},
      {.section = "route",
       .name = "columns.include",
       .type = strings,
       .field = in<&Route::columns, &Columns::include>(),
       .help = "Fields of the value that become columns; empty: all. Fields of the key always do. What is left out is "
               "no unknown field. See columns.md.",
       .check = check_field},
      {.section = "route",
       .name = "columns.exclude",
       .type = strings,
       .field = in<&Route::columns, &Columns::exclude>(),
       .help = "Fields of the value that do not become columns.",
       .check = check_field},
      {.section = "route",
       .name = "columns.rename",
       .type = pairs,
       .field = in<&Route::columns, &Columns::rename>(),
       .help = "Fields, of the value and of the record key, whose columns have another name: { field = \"column\" }. "
               "`key` names columns.",
       .check = check_column},
      {.section = "route",
       .name = "columns.add",
       .type = pairs,
       .field = in<&Route::columns, &Columns::add>(),
       .help =
           "Columns that hold facts of the record: { column = \"@offset\" }. There are @topic, @partition, @offset, "
           "@timestamp, @key, @op, @source.FIELD and header:NAME.",
       .check = check_column_source},
  };
}

}  // namespace sluice::config
