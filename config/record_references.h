// What a route asks about a record that no record of it has: a topic that it does not take, a source that its format
// does not know.
//
// Internal to this folder; names that any event may bring (fields, headers) are not judged. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "config/pipeline.h"

namespace sluice::config {

struct WrongReference {
  std::string_view setting;  // within the route, "columns.add"; empty if nothing is wrong
  std::string text;          // what is wrong and what to do
};
WrongReference wrong_reference(const Route& route);

}  // namespace sluice::config
