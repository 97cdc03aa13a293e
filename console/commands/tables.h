// The sections of tables, which `tables` and `count` show. Pure.
#pragma once

#include <string>

#include "console/selection.h"

namespace sluice::console {

Section tables_result();
Section changed_values_result();
// `only`: the one table that is shown; empty: all.
Section tables_section(const Inventory& inventory, const std::string& only);
// The values that policies of routes changed, with a note; nothing if there are none.
void add_changed_values(const Inventory& inventory, const std::string& only, Report& report);

}  // namespace sluice::console
