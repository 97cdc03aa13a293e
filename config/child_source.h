// What fills a column of a table of children, as [[route.child]].columns says it.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/pipeline.h"

namespace sluice::config {

// "@index": the element's number; "@element": the element itself; "$.a.b": a field of the parent's row; anything else:
// the element's field of that name.
struct ChildSource {
  enum class Kind : std::uint8_t { index, itself, parent, element };
  Kind kind = Kind::element;
  std::vector<std::string> field = {};  // of the parent, or the element's one name

  bool of_element() const { return kind == Kind::element; }
  // Nothing for what is none of these.
  static std::optional<ChildSource> parse(std::string_view text);
};

// The names of a path a.b; empty if one of them is.
std::vector<std::string> path_names(std::string_view text);

// Returns true if the field of a route's row, after `flatten`, holds an array of children, or an object with one.
bool is_child_field(const Route& route, std::string_view field);

// The name of what a path leads to, in a row whose nested objects `flatten` takes apart.
std::string flattened_name(const std::vector<std::string>& path, std::string_view flatten);

}  // namespace sluice::config
