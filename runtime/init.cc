// `sluice init`: proposes a configuration, for a topic or in place of a Kafka Connect sink.
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "base/log.h"
#include "base/printable.h"
#include "config/references.h"
#include "config/validators.h"
#include "listener/consumer.h"
#include "listener/registry/schema_registry.h"
#include "runtime/init/conversion.h"
#include "runtime/init/topic_draft.h"
#include "runtime/init/topic_sample.h"
#include "runtime/init/topic_shape.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {
namespace {

constexpr auto longest_look = std::chrono::seconds(30);

int init_refused(std::string_view text) {
  fmt::print(stderr, "{}\n", escape_lines(text));
  return wrong_usage;
}

int fail_with(const Error& error) {
  fmt::print(stderr, "error: {}\n", escape(error.message));
  return 1;
}

int from_connect(const InitOptions& options) {
  const auto file = read_connect_file(options.from_connect);
  if (!file) return init_refused(file.error());
  const auto text = convert_sink(*file, options.brokers);
  if (!text) return init_refused(text.error());
  fmt::print("{}", *text);
  return 0;
}

// What is wrong with an option whose value may hold references; its value is never shown.
std::string check_option(std::string_view name, const std::string& written, std::string (*check)(const std::string&)) {
  const auto value = config::expand(written);
  const auto wrong = value ? check(*value) : value.error();
  return wrong.empty() ? "" : fmt::format("sluice init: {} {}", name, wrong);
}

// The properties into the client's settings, and as they were written into the draft.
std::string take_properties(const std::vector<std::string>& options, config::Kafka& kafka, TopicPlace& place) {
  for (const auto& option : options) {
    const auto equals = option.find('=');
    if (equals == 0 || equals == option.npos) return "sluice init: --property: write it as NAME=VALUE";
    const auto name = option.substr(0, equals), written = option.substr(equals + 1);
    const auto value = config::expand(written);
    if (!value) return fmt::format("sluice init: --property {}: {}", name, value.error());
    kafka.properties.insert_or_assign(name, Secret(*value));
    place.properties.insert_or_assign(name, written);
  }
  return {};
}

int from_topic(const InitOptions& options) {
  TopicPlace place{options.brokers, options.topic, options.postgres, options.registry, {}};
  config::Kafka kafka;
  kafka.brokers = options.brokers;
  const auto wrong_topic = options.topic.starts_with('^') ? std::string("is a regular expression; name one topic")
                                                          : config::check_topic(options.topic);
  if (!wrong_topic.empty()) return init_refused(fmt::format("sluice init: --topic {}", wrong_topic));
  for (const auto& wrong : {check_option("--postgres", options.postgres, config::check_postgres_url),
                            check_option("--registry", options.registry, config::check_registry_url),
                            take_properties(options.properties, kafka, place)})
    if (!wrong.empty()) return init_refused(wrong);
  if (const auto valid = listener::validate(kafka); !valid)
    return init_refused(fmt::format("sluice init: {}", valid.error().message));
  const auto deadline = Clock::now() + longest_look;
  const auto sample = sample_topic(kafka, options.topic, deadline);
  if (!sample) return fail_with(sample.error());
  std::optional<listener::SchemaRegistry> schemas;
  if (!options.registry.empty()) {
    config::Registry settings;
    settings.url = Secret(*config::expand(options.registry));
    schemas.emplace(settings, nullptr);
  }
  const auto shape = shape_of(*sample, schemas ? &*schemas : nullptr, deadline);
  if (!shape) return fail_with(shape.error());
  if (shape->frames && !schemas)
    return init_refused(
        "sluice init: the values are frames of a schema registry; say where it is, --registry http://HOST:PORT");
  fmt::print("{}", draft_of_topic(place, *sample, *shape));
  return 0;
}

}  // namespace

int init(const InitOptions& options) {
  log::setup("error", "text");
  if (!options.brokers.empty())
    if (const auto wrong = config::check_brokers(options.brokers); !wrong.empty())
      return init_refused(fmt::format("sluice init: --brokers {}", wrong));
  if (!options.from_connect.empty()) return from_connect(options);
  if (options.brokers.empty() || options.topic.empty() || options.postgres.empty())
    return init_refused(
        "sluice init: write --brokers B --topic T --postgres URL, or --from-connect FILE; see sluice init --help");
  return from_topic(options);
}

}  // namespace sluice::runtime
