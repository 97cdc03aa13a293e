// Which route a topic takes, and which table its events go to.
//
// Built once from the pipeline's routes; the first that matches wins. Regular expressions run once per topic, never per
// record. Immutable after construction.
#pragma once

#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "config/pipeline.h"

namespace sluice::mapping {

struct RouteMatch {
  const config::Route* route = nullptr;
  std::vector<std::string> captures;  // of the regular expression, the whole match first
};

// The names an event's source block has for where it came from.
struct Source {
  std::string_view db, schema, table;
};

class Router {
 public:
  explicit Router(const config::Pipeline& pipeline);

  RouteMatch match(std::string_view topic) const;

 private:
  struct Pattern {
    const config::Route* route;
    std::string name;                // of a topic,
    std::optional<std::regex> form;  // or what its name looks like
  };
  std::vector<Pattern> patterns_;
};

// Whether the template needs the event's source block.
bool names_source(std::string_view table_template);
// Nothing if a name that the template needs is empty.
std::optional<std::string> fill_in(std::string_view table_template, std::string_view topic,
                                   const std::vector<std::string>& captures, const Source& source);

}  // namespace sluice::mapping
