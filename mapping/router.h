// Finds the routes of a topic and the target tables of its events.
//
// Built once from the pipeline's routes; the first that matches wins, and those before it that continue. Regular
// expressions run once per topic, never per record. Immutable after construction. The listener chooses topics with the
// same patterns (base/pattern.h), so a record of a topic that no route matches is a bug, and is never skipped.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/pattern.h"
#include "config/pipeline.h"

namespace sluice::mapping {

struct RouteMatch {
  const config::Route* route = nullptr;
  std::vector<std::string> captures;  // of the regular expression, the whole match first
};

// Database, schema and table named in the event's source block.
struct Source {
  std::string_view db, schema, table;
};

class Router {
 public:
  explicit Router(const config::Pipeline& pipeline);

  // The routes that take the topic, in their order: all but the last have `continue`. None: no route takes it.
  std::vector<RouteMatch> matches(std::string_view topic) const;

 private:
  struct Entry {
    const config::Route* route;
    Pattern pattern;
  };
  std::vector<Entry> entries_;
};

// A name was not there, or is one that the route's events may not have.
struct NameError {
  const char* sqlstate = nullptr;
  std::string reason;
};
// Returns the name of the target table (base/table_name.h) for a topic and, if the template needs it, an event's
// source. `own_schema` is Sluice's.
std::expected<std::string, NameError> target_name(const config::Route& route, std::string_view own_schema,
                                                  std::string_view topic, const std::vector<std::string>& captures,
                                                  const Source& source);

}  // namespace sluice::mapping
