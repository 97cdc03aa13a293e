// The section of tables, which `tables` and `count` show. Pure.
#pragma once

#include <string>

#include "console/selection.h"

namespace sluice::console {

// `only`: the one table that is shown; empty: all.
Section tables_section(const Inventory& inventory, const std::string& only);

}  // namespace sluice::console
