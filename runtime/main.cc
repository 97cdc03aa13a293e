#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <span>

#include "base/printable.h"
#include "base/units.h"
#include "runtime/subcommands.h"
#include "runtime/usage.h"

namespace {

using namespace sluice::runtime;
using Action = std::function<int()>;

// As in the configuration file: a bare number is refused.
std::chrono::milliseconds duration_of(const std::string& option, const std::string& text) {
  const auto milliseconds = sluice::parse_duration(text);
  constexpr std::int64_t longest = 1'000'000LL * 3'600'000;
  if (milliseconds && *milliseconds > 0 && *milliseconds <= longest) return std::chrono::milliseconds(*milliseconds);
  if (!milliseconds)
    throw CLI::ValidationError(option, fmt::format("\"{}\" is not a duration; write for example 20s or 2m", text));
  throw CLI::ValidationError(option, fmt::format("\"{}\" is not from 1ms to {}", text, sluice::duration_text(longest)));
}

void add_running(CLI::App& app, Action& action) {
  static std::string config;
  static bool connect = false;
  static RunOptions run_options;
  auto* run_command = app.add_subcommand("run", "Stream change events into PostgreSQL until told to stop");
  run_command->add_option("-c,--config", run_options.config, "Configuration file (TOML)")->required();
  run_command->add_flag(
      "--wait-ready", run_options.wait_ready,
      "Tell systemd READY=1 only once PostgreSQL and Kafka have answered and every partition is claimed");
  run_command->callback([&action] { action = [] { return run(run_options); }; });

  auto* check_command = app.add_subcommand("check", "Validate a configuration file");
  check_command->add_option("-c,--config", config, "Configuration file (TOML)")->required();
  check_command->add_flag("--connect", connect,
                          "Also reach Kafka and PostgreSQL and print the plan: topics, tables, DDL. Changes nothing");
  check_command->callback([&action] { action = [] { return check(config, connect); }; });

  auto* grants_command =
      app.add_subcommand("grants", "Print the SQL that gives the service's role exactly what the routes need");
  grants_command->add_option("-c,--config", config, "Configuration file (TOML)")->required();
  grants_command->callback([&action] { action = [] { return grants(config); }; });

  auto* config_command = app.add_subcommand("config", "Print what can be configured");
  config_command->require_subcommand(1);
  for (const auto& [page, text] :
       {std::pair{"sample", "A commented configuration file with every default"},
        std::pair{"reference", "The page of all settings, in Markdown"},
        std::pair{"metrics", "The page of all metrics, in Markdown"},
        std::pair{"states", "The page of a partition's states, in Markdown"},
        std::pair{"console", "The page of all console commands, in Markdown"},
        std::pair{"json", "The JSON Schema of what console commands print with --json"},
        std::pair{"connect", "The page of what becomes of a Kafka Connect sink, in Markdown"}}) {
    config_command->add_subcommand(page, text)->callback([&action, name = std::string(page)] {
      action = [name] { return config_page(name); };
    });
  }
}

void add_explain(CLI::App& app, Action& action) {
  static ExplainOptions options;
  auto* command = app.add_subcommand(
      "explain",
      "Show what becomes of one event, from stdin or from the topic: rows, SQL, and what PostgreSQL says to it. Leaves "
      "nothing behind");
  command->add_option("-c,--config", options.config, "Configuration file (TOML)")->required();
  command->add_option("--topic", options.topic, "Topic of the event; needed where the routes take more than one");
  command->add_option(
      "--at", options.at,
      R"(PARTITION:OFFSET of a record of the topic; without it lines {"key":...,"value":...} of stdin)");
  command->add_flag("--dry", options.dry, "Do not ask PostgreSQL what it says to the rows");
  command->callback([&action] { action = [] { return explain_event(options); }; });
}

void add_init(CLI::App& app, Action& action) {
  static InitOptions options;
  auto* command = app.add_subcommand(
      "init", "Print a proposed configuration with DDL, for a topic or in place of a Kafka Connect sink");
  command->add_option("--brokers", options.brokers, "Bootstrap brokers, HOST:PORT[,HOST:PORT...]");
  auto* topic = command->add_option("--topic", options.topic, "Topic whose records are looked at");
  auto* postgres =
      command->add_option("--postgres", options.postgres,
                          "Connection string for the result, which is not connected to; its password is not printed");
  auto* registry =
      command->add_option("--registry", options.registry, "Schema registry of the topic, http://HOST:PORT");
  auto* property =
      command
          ->add_option(
              "--property", options.properties,
              "NAME=VALUE for librdkafka, may be repeated; a VALUE like ${env:NAME} or ${file:/path} is replaced")
          ->allow_extra_args(false);
  auto* connect =
      command->add_option("--from-connect", options.from_connect,
                          "Configuration (properties or JSON) of a JDBC sink: Debezium's, Confluent's or Aiven's");
  for (auto* other : {topic, postgres, registry, property}) connect->excludes(other);
  command->callback([&action] { action = [] { return init(options); }; });
}

void add_publish(CLI::App& app, Action& action) {
  static PublishOptions options;
  static std::string timeout = "10m";
  auto* command = app.add_subcommand("publish", "Publish NDJSON from stdin to a topic, acknowledged and in order");
  command->add_option("--brokers", options.brokers, "Bootstrap brokers, HOST:PORT[,HOST:PORT...]")->required();
  command->add_option("--topic", options.topic, "Topic to publish to")->required();
  auto* key = command->add_option("--key", options.key, "Field of each object whose value becomes the record key");
  command->add_option("--header", options.headers, "NAME=VALUE, added to every record; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--property", options.properties,
                   "NAME=VALUE for librdkafka, may be repeated; a VALUE like ${env:NAME} or ${file:/path} is replaced")
      ->allow_extra_args(false);
  command->add_option("--properties-file", options.properties_file,
                      "Properties for librdkafka, NAME=VALUE a line: what stands in a command line, others can read");
  command
      ->add_flag(
          "--envelope", options.envelope,
          R"(Lines are {"key":...,"value":...,"headers":{}}, or of the console's dead export; a null value is a tombstone)")
      ->excludes(key);
  auto* snapshot =
      command
          ->add_flag("--snapshot", options.snapshot,
                     "Lines are the complete present state: every other key of the topic gets a tombstone, in one "
                     "transaction with the lines")
          ->needs(key);
  command->add_flag("--allow-empty", options.allow_empty, "Of a snapshot without a line, which removes every key")
      ->needs(snapshot);
  command->add_option("--receipt", options.receipt,
                      "File for topic, partition, offset and key of each acknowledgement, a line of JSON each");
  auto* config =
      command->add_option("-c,--config", options.config, "Configuration file (TOML) of the pipeline for --wait");
  auto* wait =
      command->add_flag("--wait", options.wait, "Return once all of it has taken effect in PostgreSQL")->needs(config);
  config->needs(wait);
  command->add_option("--timeout", timeout, "How long to wait for that (30s, 10m); exit 6 at the time-out")
      ->needs(wait)
      ->capture_default_str();
  command->callback([&action] {
    options.timeout = duration_of("--timeout", timeout);
    action = [] { return publish(options); };
  });
}

void add_wait(CLI::App& app, Action& action) {
  static WaitOptions options;
  static std::string timeout = "30s";
  auto* command =
      app.add_subcommand("wait", "Wait until records have taken effect in PostgreSQL; exit 6 at the time-out");
  command->add_option("-c,--config", options.config, "Configuration file (TOML)")->required();
  command->add_option("--topic", options.topic, "Topic of the records")->required();
  command->add_option("--at", options.at, "PARTITION:OFFSET of a record, several of them, or the option again")
      ->required();
  command->add_option("--timeout", timeout, "How long to wait (500ms, 30s, 5m)")->capture_default_str();
  command->callback([&action] {
    options.timeout = duration_of("--timeout", timeout);
    action = [] { return wait(options); };
  });
}

void add_verify(CLI::App& app, Action& action) {
  static VerifyOptions options;
  auto* command = app.add_subcommand(
      "verify", "Prove that nothing is missing: pointers, accounts and dead letters against Kafka; exit 0 or 1");
  command->add_option("-c,--config", options.config, "Configuration file (TOML)")->required();
  command->add_option("--receipt", options.receipt,
                      "File of `publish --receipt`: what became of each of its records: applied, dead, not yet");
  command->add_flag("--deep", options.deep,
                    "Read the topics again and compare the final state of every key with the tables");
  command->callback([&action] { action = [] { return verify(options); }; });
}

void add_demo(CLI::App& app, Action& action) {
  static DemoOptions options;
  static std::string run_for;
  auto* command = app.add_subcommand(
      "demo",
      "Run everything on this machine, with nothing to prepare: PostgreSQL, a broker, shop events, the service");
  command->add_option("--for", run_for, "End after this time (20s, 2m) with a proof; without it, Ctrl-C ends");
  command->add_option("--rate", options.rate, "Events per second")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_flag("--keep", options.keep, "Leave the temporary folder behind");
  command->callback([&action] {
    if (!run_for.empty()) options.run_for = duration_of("--for", run_for);
    action = [] { return run_demo(options); };
  });

  static std::vector<std::string> topics;
  auto* broker = app.add_subcommand("demo-broker", "")->group("");  // for the demo itself, not in --help
  broker->add_option("topics", topics)->required();
  broker->callback([&action] { action = [] { return demo_broker(topics); }; });
}

void add_version(CLI::App& app, Action& action) {
  static bool as_json = false;
  auto* command = app.add_subcommand("version", "Print the version and those of the libraries in use");
  command->add_flag("--json", as_json, "As one JSON object");
  command->callback([&action] { action = [] { return version(as_json); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Streams Kafka change events into PostgreSQL, each exactly once", "sluice");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration, 6 time-out of a wait.");
  Action action;
  add_running(app, action);
  add_explain(app, action);
  add_init(app, action);
  add_publish(app, action);
  add_wait(app, action);
  add_verify(app, action);
  add_demo(app, action);
  add_version(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    fmt::print(stderr, "{}\n", usage_error(app, words.subspan(std::min<std::size_t>(1, words.size())), error));
    return wrong_usage;
  }
  try {
    return action();
  } catch (const std::exception& error) {
    fmt::print(stderr, "sluice: {}\n", sluice::escape_lines(error.what()));
    return 1;
  }
}
