#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/load_config.h"
#include "runtime/subcommands.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {
namespace {

constexpr auto kafka_timeout = std::chrono::seconds(5);

const char* name(WriteMode mode) {
  switch (mode) {
    case WriteMode::upsert:
      return "upsert";
    case WriteMode::insert:
      return "insert";
    case WriteMode::update:
      return "update";
  }
  return "";
}

std::string describe(const config::Route& route) {
  return fmt::format("{} ({}, key {})", route.table, name(route.mode),
                     route.key.empty() ? "none" : fmt::format("{}", fmt::join(route.key, ", ")));
}

// Prints the plan of a pipeline: what `run` would read, write and create. Reads only.
class Plan {
 public:
  explicit Plan(std::shared_ptr<const config::Pipeline> pipeline)
      : pipeline_(std::move(pipeline)), mapper_(pipeline_), catalogue_(pipeline_->postgres) {}

  bool print() {
    topics();
    tables();
    schema();
    return !failed_;
  }

 private:
  void error(const std::string& text) {
    std::fflush(stdout);
    fmt::print(stderr, "error: {}\n", text);
    failed_ = true;
  }

  void topics() {
    const auto listed = listener::list_topics(pipeline_->kafka, kafka_timeout);
    if (!listed) return error(fmt::format("kafka: {}", listed.error().message));
    fmt::print("topics\n");
    std::vector<const config::Route*> used;
    for (const auto& topic : *listed) {
      const auto* route = mapper_.route(topic.name);
      if (route == nullptr) continue;
      used.push_back(route);
      fmt::print("  {}  {} partitions -> {}\n", topic.name, topic.partitions, describe(*route));
    }
    for (const auto& route : pipeline_->routes) {
      for (const auto& wanted : route.topics) {
        const bool expression = wanted.starts_with('^');
        const bool found = expression ? std::ranges::find(used, &route) != used.end()
                                      : std::ranges::find(*listed, wanted, &listener::Topic::name) != listed->end();
        if (found) continue;
        if (expression) {
          fmt::print("  {}  no topic yet -> {}\n", wanted, describe(route));
        } else {
          error(fmt::format("kafka: topic {} does not exist; create it, or correct the route to {}", wanted,
                            route.table));
        }
      }
    }
  }

  void tables() {
    fmt::print("tables\n");
    std::vector<std::string> seen;
    for (const auto& route : pipeline_->routes) {
      if (std::ranges::find(seen, route.table) != seen.end()) continue;
      seen.push_back(route.table);
      if (route.table.find('{') != std::string::npos) {
        fmt::print("  {}  named by the event, described when the first one arrives\n", route.table);
        continue;
      }
      const auto table = catalogue_.describe(route.table, route);
      if (!table) {
        error(fmt::format("postgres: {}", table.error().message));
        if (table.error().next != ErrorClass::stop_partition) return;  // not the table: the server
        continue;
      }
      fmt::print("  {}\n", (*table)->sql_name);
      for (std::size_t i = 0; i < (*table)->columns.size(); ++i) column(**table, i);
    }
  }

  static void column(const Table& table, std::size_t index) {
    const Column& column = table.columns[index];
    const bool key = std::ranges::find(table.key, index) != table.key.end();
    fmt::print("    {:<24} {}{}{}{}\n", column.name, column.declared, column.not_null ? " not null" : "",
               key ? ", key" : "", column.generated ? ", generated: never written" : "");
  }

  void schema() {
    const auto pending = catalogue_.pending_migration();
    if (!pending) return error(fmt::format("postgres: {}", pending.error().message));
    if (pending->empty()) {
      fmt::print("schema {}\n  is current, no DDL would run\n", pipeline_->postgres.schema);
    } else {
      fmt::print("schema {}: this DDL would run\n{}\n", pipeline_->postgres.schema, *pending);
    }
  }

  std::shared_ptr<const config::Pipeline> pipeline_;
  mapping::Mapper mapper_;
  sink::TableCatalogue catalogue_;
  bool failed_ = false;
};

}  // namespace

int check(const std::string& config_path, bool connect) {
  const auto pipeline = load_config(config_path);
  if (!pipeline) return 2;
  const auto count = pipeline->routes.size();
  fmt::print("ok: {}: pipeline {}, {} {}\n", config_path, pipeline->name, count, count == 1 ? "route" : "routes");
  if (!connect) return 0;
  log::setup("error", "text");
  return Plan(pipeline).print() ? 0 : 1;
}

}  // namespace sluice::runtime
