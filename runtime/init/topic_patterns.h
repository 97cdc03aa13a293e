// What a RegexRouter makes of topics: of a name, and of a regular expression for names.
//
// Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/init/sink_model.h"

namespace sluice::runtime {

// A regular expression of Java as RE2 spells it: named groups differ.
std::string re2_spelling(std::string_view expression);

// The expression with ^ and $, as Connect matches whole names.
std::string anchored(std::string expression);

// The name behind the routers; as it was where none matches. Nothing if an expression is not one of RE2.
std::optional<std::string> routed_name(std::string topic, const std::vector<TopicRoute>& routes);

struct RoutedPattern {
  std::string pattern;  // what both expressions match, with the router's groups
  std::string name;     // the replacement with {1} for $1
};
// Makes one expression of topics.regex and a router's, part by part between the dots. Nothing if that cannot be done.
std::optional<RoutedPattern> routed_pattern(const std::string& topics, const TopicRoute& route);

}  // namespace sluice::runtime
