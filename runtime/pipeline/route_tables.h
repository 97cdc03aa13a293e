// Lists the tables that a topic is written to by configuration, as far as that is known without an event: a template
// that names the event's source is filled in by the events themselves.
//
// Made once, immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "config/pipeline.h"
#include "config/table_template.h"
#include "mapping/router.h"

namespace sluice::runtime {

class RouteTables {
 public:
  explicit RouteTables(const config::Pipeline& pipeline) : own_schema_(pipeline.postgres.schema), router_(pipeline) {}
  std::optional<std::string> by_configuration(const std::string& topic) const {
    const auto match = router_.match(topic);
    if (match.route == nullptr || config::names_source(match.route->table)) return std::nullopt;
    auto name = mapping::target_name(*match.route, own_schema_, topic, match.captures, {});
    return name ? std::optional(std::move(*name)) : std::nullopt;
  }

 private:
  std::string own_schema_;
  mapping::Router router_;
};

}  // namespace sluice::runtime
