#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "base/http_url.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/units.h"
#include "config/kafka_security.h"
#include "config/load.h"
#include "config/secret_files.h"
#include "console/ssh/console.h"
#include "listener/registry/registry_client.h"
#include "listener/topics.h"
#include "mapping/mapper.h"
#include "runtime/load_config.h"
#include "runtime/start_plan.h"
#include "runtime/subcommands.h"
#include "sink/job_tables.h"
#include "sink/server_check.h"
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

std::string list(std::string_view what, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("; {} {}", what, escape(fmt::format("{}", fmt::join(names, ", "))));
}

std::string list(std::string_view what, const std::map<std::string, std::string>& pairs, std::string_view link) {
  std::vector<std::string> texts;
  for (const auto& [left, right] : pairs) texts.push_back(fmt::format("{} {} {}", left, link, right));
  return list(what, texts);
}

std::string describe(const config::Route& route) {
  const auto& columns = route.columns;
  return fmt::format("{} ({}, key {}{}{}{}{}{})", route.table, name(route.mode),
                     route.key.empty() ? "none" : fmt::format("{}", fmt::join(route.key, ", ")),
                     route.flatten.empty() ? "" : fmt::format("; nested fields joined by {}", route.flatten),
                     list("only", columns.include), list("without", columns.exclude),
                     list("renamed", columns.rename, "to"), list("added", columns.add, "from"));
}

void warning(const std::string& text) {
  std::fflush(stdout);
  fmt::print(stderr, "warning: {}\n", escape(text));
}

// Settings that have no effect on what the route reads, or on the way to Kafka.
void warn_without_effect(const config::Pipeline& pipeline) {
  for (const auto& route : pipeline.routes) {
    const bool plain = route.format == config::Format::json || route.format == config::Format::cloudevents;
    if (route.vanished == config::Vanished::stop && plain)
      warning(
          fmt::format("route.vanished: \"stop\" is about the events' schema, and those of {} have none unless they are "
                      "frames of a registry; remove it, or name a format with schemas",
                      printable(route.topics.front())));
  }
  if (const auto [property, why] = config::idle_security(pipeline.kafka); !why.empty())
    warning(fmt::format("kafka.properties.{}: {}", property, why));
}

// Prints the plan of a pipeline: what `run` would read, write and create. Reads only.
class Plan {
 public:
  explicit Plan(std::shared_ptr<const config::Pipeline> pipeline)
      : pipeline_(std::move(pipeline)), mapper_(pipeline_), catalogue_(pipeline_->postgres) {}

  bool print() {
    servers();
    topics();
    start();
    registry();
    if (!writable_) return false;  // PostgreSQL has been told of; nothing can be asked of it
    tables();
    jobs();
    rights();
    schema();
    return !failed_;
  }

 private:
  void error(const std::string& text) {
    std::fflush(stdout);
    fmt::print(stderr, "error: {}\n", escape(text));
    failed_ = true;
  }

  void servers() {
    auto all = config::kafka_security(pipeline_->kafka);
    if (auto postgres = sink::security_of(pipeline_->postgres.url)) {
      all.push_back(std::move(*postgres));
      session();
    } else {
      error(fmt::format("postgres: {}", postgres.error().message));
    }
    fmt::print("servers\n");
    for (const auto& server : all) {
      fmt::print("  {} {}  {}\n", server.kind, server.server, server.text());
      if (!server.advice.empty()) warning(fmt::format("{} {}: {}", server.kind, server.server, server.advice));
    }
  }

  // What else the role, the database or the server have set, a session does not take over (sink/connect.h).
  void session() {
    const auto found = sink::session_findings(pipeline_->postgres.url);
    if (!found) return error(fmt::format("postgres: {}", found.error().message));
    writable_ = true;
    for (const auto& text : *found) warning("postgres: " + text);
  }

  // Rights that no route needs, and with which a mistake, or somebody else's record, could do more than it should.
  void rights() {
    const auto superuser = catalogue_.is_superuser();
    if (!superuser) return error(fmt::format("postgres: {}", superuser.error().message));
    if (*superuser) return warning("postgres: the role is a superuser; connect as a role of Sluice's own");
    if (!owned_.empty())
      warning(
          fmt::format("postgres: the role owns {}; let another role own the tables, and grant Sluice's what it needs",
                      fmt::join(owned_, ", ")));
  }

  void topics() {
    const auto existing = listener::list_topics(pipeline_->kafka, kafka_timeout);
    if (!existing) return error(fmt::format("kafka: {}", existing.error().message));
    const auto selection = listener::TopicSelection::make(listener::topics_of(*pipeline_));
    if (!selection) return error(selection.error().message);
    fmt::print("topics\n");
    for (const auto& name : selection->names(*existing)) {
      const auto routes = mapper_.routes(name);
      const auto topic = std::ranges::find(*existing, name, &listener::Topic::name);
      if (pipeline_->consistency.whole() && name == pipeline_->consistency.topic) {
        transactions(name, topic == existing->end() ? 0 : topic->partitions);
      } else if (routes.empty()) {
        error(fmt::format("kafka: topic {} would be read, but no route takes it", name));
      } else if (topic == existing->end()) {
        error(fmt::format("kafka: topic {} does not exist; create it, or correct the route to {}", name,
                          routes.front()->table));
      } else {
        for (const auto* route : routes) {
          fmt::print("  {}  {} partitions -> {}\n", name, topic->partitions, describe(*route));
          for (const auto& child : route->children)
            fmt::print("    each of {} -> {} (key {})\n", escape(child.path), child.table, fmt::join(child.key, ", "));
        }
        read_.push_back(*topic);
        if (pipeline_->consistency.whole() && topic->partitions > 1)
          warning(fmt::format(
              "consistency.transactions: topic {} has {} partitions, so only one instance can run; with one "
              "partition for each topic others can stand by",
              name, topic->partitions));
      }
    }
    for (const auto& pattern : selection->idle_patterns(*existing)) {
      const auto route = std::ranges::find_if(pipeline_->routes, [&](const config::Route& candidate) {
        return std::ranges::find(candidate.topics, pattern) != candidate.topics.end();
      });
      fmt::print("  {}  no topic yet -> {}\n", pattern, describe(*route));
    }
  }

  // Where partitions without a pointer begin, if that is for another group to say.
  void start() {
    const auto plan = plan_start(*pipeline_, read_);
    if (!plan.lines.empty()) fmt::print("start\n");
    for (const auto& line : plan.lines) fmt::print("  {}\n", escape(line));
    for (const auto& text : plan.errors) error(text);
  }

  void transactions(const std::string& topic, int partitions) {
    if (partitions == 0)
      return error(
          fmt::format("consistency.topic: {} does not exist; set provide.transaction.metadata = true in the "
                      "connector, which makes it with the first transaction, or correct the name",
                      topic));
    if (partitions > 1)
      return error(
          fmt::format("consistency.topic: {} has {} partitions, and transactions have one order; make it with one",
                      topic, partitions));
    fmt::print("  {}  {} partition -> transactions of the source, kept whole\n", topic, partitions);
    if (pipeline_->postgres.lanes > 1)
      fmt::print("  one lane of {} is used: whole transactions have one order\n", pipeline_->postgres.lanes);
  }

  // Asks for a schema, whichever it is: what `run` needs is that this question is answered.
  void registry() {
    if (pipeline_->registry.url.empty()) return;
    const auto answer = listener::RegistryClient(pipeline_->registry, {}).fetch({.low = 1});
    if (!answer && answer.error().next != ErrorClass::reject) return error(answer.error().message);
    fmt::print("registry\n");
    for (const auto& url : split_urls(pipeline_->registry.url.reveal())) fmt::print("  {}\n", without_user(url));
    fmt::print("  answers\n");
  }

  void tables() {
    fmt::print("tables\n");
    std::vector<std::string> seen;
    for (const auto& route : pipeline_->routes) {
      if (!table(route, seen)) return;
      for (const auto& child : route.children)
        if (!table(child, seen)) return;
    }
    if (!circular_.empty())
      warning(
          fmt::format("postgres: foreign keys lead from {} back to where they begin, so no order of writing suits all "
                      "rows; make one of each circle DEFERRABLE, and COMMIT checks it",
                      fmt::join(circular_, ", ")));
  }

  // Returns false if there is no point in asking about another one.
  bool table(const config::Route& route, std::vector<std::string>& seen) {
    const bool known = std::ranges::find(seen, route.table) != seen.end();
    seen.push_back(route.table);
    if (route.table.find('{') != std::string::npos) {
      to_be_made_ = to_be_made_ || route.evolve == config::Evolve::tables;
      if (!known) fmt::print("  {}  named by the event, described when the first one arrives\n", route.table);
      return true;
    }
    const auto table = catalogue_.describe(route.table, route);
    if (!table && table.error().sqlstate == "42P01" && route.evolve == config::Evolve::tables) {
      to_be_made_ = true;
      if (!known)
        fmt::print("  {}  does not exist: the first event decides which columns it is made with\n", route.table);
      return true;
    }
    if (!table) {
      error(fmt::format("postgres: {}", table.error().message));
      return table.error().next != ErrorClass::retry;  // else it is not the table: the server
    }
    if (known) return true;
    fmt::print("  {}\n", escape((*table)->sql_name));
    if ((*table)->owned && route.evolve == config::Evolve::none) owned_.push_back((*table)->sql_name);
    if (!(*table)->owned && route.evolve != config::Evolve::none)
      warning(fmt::format("postgres: the role does not own {}, which it has to for evolve; see sluice grants",
                          (*table)->sql_name));
    if ((*table)->circular) circular_.push_back((*table)->sql_name);
    for (std::size_t i = 0; i < (*table)->columns.size(); ++i) column(**table, i);
    return true;
  }

  // Whether the statement works is seen when it runs: what a function does with its tables, and the rights for it.
  void jobs() {
    if (!pipeline_->jobs.empty()) fmt::print("jobs\n");
    for (const auto& job : pipeline_->jobs) {
      fmt::print("  {}  after {}, every {} at most\n", job.name, escape(fmt::format("{}", fmt::join(job.after, ", "))),
                 duration_text(job.every.count()));
      const auto unchecked = sink::check_job(pipeline_->postgres, job);
      if (!unchecked && to_be_made_ && unchecked.error().sqlstate == "42P01")
        fmt::print("    not checked: a table is still to be made: {}\n", escape(unchecked.error().message));
      else if (!unchecked)
        error(fmt::format("postgres: job {}: {}", job.name, unchecked.error().message));
      else if (!unchecked->empty())
        fmt::print("    not checked: {}\n", escape(*unchecked));
    }
  }

  static void column(const Table& table, std::size_t index) {
    const Column& column = table.columns[index];
    const bool key = std::ranges::find(table.key, index) != table.key.end();
    const auto at = static_cast<std::int32_t>(index);
    const char* history = at == table.guard ? ", version" : at == table.marker ? ", marks deleted rows" : "";
    fmt::print("    {:<24} {}{}{}{}{}\n", escape(column.name), escape(column.declared),
               column.not_null ? " not null" : "", key ? ", key" : "", history,
               column.generated ? ", generated: never written" : "");
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
  std::vector<listener::Topic> read_;  // topics that there are
  std::vector<std::string> owned_;
  std::vector<std::string> circular_;  // tables whose foreign keys lead back to them
  bool to_be_made_ = false;            // a table, by the first event of it
  bool writable_ = false;              // PostgreSQL answers, and takes writes
  bool failed_ = false;
};

}  // namespace

int check(const std::string& config_path, bool connect) {
  const auto pipeline = load_config(config_path);
  if (!pipeline) return 2;
  // Without a section [console] it is for whoever has keys, and its files are no reason not to start.
  std::vector<std::string> files;
  if (pipeline->console.given && !pipeline->console.listen.empty()) {
    auto found = console::check_files(pipeline->console);
    if (!found) {
      fmt::print(stderr, "{}: {}\n", config::place(config_path, "console"), escape(found.error().message));
      return 2;
    }
    files = std::move(*found);
  }
  for (const auto& line : config::exposed_files(*pipeline)) warning(line);
  warn_without_effect(*pipeline);
  fmt::print("ok: {}: pipeline {}, {}\n", config_path, pipeline->name, counted(pipeline->routes.size(), "route"));
  for (const auto& line : files) fmt::print("console: {}\n", escape(line));
  if (!connect) return 0;
  log::setup("error", "text");
  return Plan(pipeline).print() ? 0 : 1;
}

}  // namespace sluice::runtime
