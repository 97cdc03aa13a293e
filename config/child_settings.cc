// The settings of a route's tables of children.
#include "config/children.h"
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> route_child() {
  return {
      {.section = "route.child",
       .name = "path",
       .field = in<&Route::path>(),
       .help = "The field of the row that holds the array, such as items or order.items.",
       .example = R"("items")",
       .required = true,
       .check = check_child_path},
      {.section = "route.child",
       .name = "table",
       .field = in<&Route::table>(),
       .help = "The table of the elements, schema.table, with the same placeholders as the route's. No other route "
               "may write to it, nor to the parent's.",
       .example = R"("public.order_items")",
       .required = true},
      {.section = "route.child",
       .name = "key",
       .type = strings,
       .field = in<&Route::key>(),
       .help = "The key's columns: first those that hold the parent's key, in its order, then those that tell the "
               "elements of one array apart.",
       .example = R"(["order_id", "line"])",
       .required = true,
       .check = check_column},
      {.section = "route.child",
       .name = "columns",
       .type = pairs,
       .field = in<&Route::fills>(),
       .help =
           "What fills a column: $.FIELD of the parent, @index, the element's number from 1 on, @element, the "
           "element itself, such as the text in an array of texts, or a field of the element that has another name. "
           "Each other column takes the element's field of its name.",
       .example = R"({ order_id = "$.id", line = "@index" })",
       .required = true,
       .check = check_child_source},
  };
}

}  // namespace sluice::config
