// Lists the tables that a topic is written to by configuration, as far as that is known without an event: a template
// that names the event's source is filled in by the events themselves.
//
// Made once, immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/pipeline.h"
#include "mapping/router.h"

namespace sluice::runtime {

class RouteTables {
 public:
  explicit RouteTables(const config::Pipeline& pipeline) : router_(pipeline) {}
  std::optional<std::string> by_configuration(const std::string& topic) const {
    const auto match = router_.match(topic);
    if (match.route == nullptr || mapping::names_source(match.route->table)) return std::nullopt;
    return mapping::fill_in(match.route->table, topic, match.captures, {});
  }

 private:
  mapping::Router router_;
};

}  // namespace sluice::runtime
