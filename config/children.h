// Tables of children of a route: what [[route.child]] may say, and what a child has from its parent.
//
// Pure; for config/load.cc, any thread.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "config/pipeline.h"

namespace sluice::config {

std::string check_child_path(const std::string& text);
std::string check_child_source(const std::string& text);

// Gives the child the rules of its parent, and the names of its columns.
void complete_child(Route& child, const Route& parent);

// The setting of a child that is wrong, and why; empty if all is right.
using WrongChild = std::pair<std::string, std::string>;
WrongChild check_child(const Route& child, const Route& parent);
// Why a route with children may not have these tables beside the other routes; empty if it may.
std::string check_family(const Route& parent, std::span<const Route> routes);

}  // namespace sluice::config
