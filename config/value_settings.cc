// The settings of a route that say what becomes of a value that its column cannot hold as it is.
#include "config/setting_field.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> route_values() {
  return {
      {.section = "route",
       .name = "nul",
       .type = choice,
       .field = in<&Route::values, &ValuePolicies::nul>(),
       .help = "What U+0000 in a text does, also in the strings of a JSON document and of an array: PostgreSQL stores "
               "none. strip leaves it out, replace puts U+FFFD in its place. Never in key columns. See values.md.",
       .choices = {"reject", "strip", "replace"}},
      {.section = "route",
       .name = "utf8",
       .type = choice,
       .field = in<&Route::values, &ValuePolicies::utf8>(),
       .help = "What bytes in a text do that are not UTF-8, and halves of a surrogate pair: replace puts U+FFFD in "
               "their place. Never in key columns. See values.md.",
       .choices = {"reject", "replace"}},
      {.section = "route",
       .name = "too_long",
       .type = choice,
       .field = in<&Route::values, &ValuePolicies::too_long>(),
       .help = "What a text does that has more characters than its varchar(n) or char(n): truncate keeps the first n. "
               "Never in key columns. See values.md.",
       .choices = {"reject", "truncate"}},
      {.section = "route",
       .name = "out_of_range",
       .type = choice,
       .field = in<&Route::values, &ValuePolicies::out_of_range>(),
       .help = "What a date, a time or a number does that its column cannot hold: null writes NULL, where the column "
               "allows it; clamp writes the nearest value that it holds. Never in key columns. See values.md.",
       .choices = {"reject", "null", "clamp"}},
      {.section = "route",
       .name = "time_unit",
       .type = choice,
       .field = in<&Route::values, &ValuePolicies::time_unit>(),
       .help = "The unit of integers for date and time columns where no schema says it; auto goes by their magnitude. "
               "See values.md.",
       .choices = {"reject", "s", "ms", "us", "ns", "auto"}},
  };
}

}  // namespace sluice::config
