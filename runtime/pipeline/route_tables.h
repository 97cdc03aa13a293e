// Lists the tables that a topic is written to by configuration, as far as that is known without an event: a template
// that names the event's source is filled in by the events themselves.
//
// Made once, immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/pipeline.h"
#include "config/table_template.h"
#include "mapping/router.h"

namespace sluice::runtime {

class RouteTables {
 public:
  explicit RouteTables(const config::Pipeline& pipeline) : own_schema_(pipeline.postgres.schema), router_(pipeline) {}
  std::vector<std::string> by_configuration(const std::string& topic) const {
    std::vector<std::string> names;
    for (const auto& [route, captures] : router_.matches(topic)) {
      add(*route, topic, captures, names);
      for (const auto& child : route->children) add(child, topic, captures, names);
    }
    return names;
  }

 private:
  void add(const config::Route& of, const std::string& topic, const std::vector<std::string>& captures,
           std::vector<std::string>& names) const {
    if (config::names_source(of.table)) return;
    if (auto name = mapping::target_name(of, own_schema_, topic, captures, {})) names.push_back(std::move(*name));
  }

  std::string own_schema_;
  mapping::Router router_;
};

}  // namespace sluice::runtime
