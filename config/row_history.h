// The settings `delete` and `version` of a route: their texts, and what they demand of the rest of the route.
//
// Pure functions, any thread.
#pragma once

#include <string>

#include "config/pipeline.h"

namespace sluice::config {

// "apply", "ignore", "soft:COLUMN"; the text has passed check_delete.
DeleteRule parse_delete(const std::string& text);
std::string delete_text(const DeleteRule& rule);
// What is wrong and what to do, or "".
std::string check_delete(const std::string& text);
std::string check_version(const std::string& text);
// The same for a route as a whole.
std::string check_soft_delete(const Route& route);
std::string check_version_of(const Route& route);

}  // namespace sluice::config
