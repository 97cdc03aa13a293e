// What Kafka Connect itself reads for every sink: name, topics, tasks, converters, errors, transforms.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/http_url.h"
#include "base/parse.h"
#include "config/validators.h"
#include "runtime/init/sink_settings.h"
#include "runtime/init/topic_patterns.h"

namespace sluice::runtime {
namespace {

constexpr std::array<ConverterFormat, 8> converters = {{
    {"CloudEventsConverter", "cloudevents", "Debezium's converter for CloudEvents"},
    {"JsonSchemaConverter", "json-schema", "With `[registry]`"},
    {"ExtJsonConverter", "connect-json", "Apicurio's"},
    {"JsonConverter", "connect-json", "With `schemas.enable = false`: `json`, or `debezium` where a transform unwraps"},
    {"AvroConverter", "avro", "With `[registry]`"},
    {"ProtobufConverter", "protobuf", "With `[registry]`"},
    {"AWSKafkaAvroConverter", "auto", "Glue's registry has another API; Sluice reads Confluent's"},
    {"StringConverter", "auto", "A JDBC sink cannot write it either"},
}};

void take_name(Sink&, const ConnectEntry&) {}

void take_topics(Sink& sink, const ConnectEntry& entry) {
  sink.topics = list_of(entry.value);
  for (const auto& topic : sink.topics)
    if (topic.starts_with('^') || !config::check_topic(topic).empty())
      throw BadSetting{entry.line, fmt::format("{} has a name that is not a topic's; correct it", entry.name)};
}

void take_pattern(Sink& sink, const ConnectEntry& entry) {
  sink.topics_pattern = anchored(re2_spelling(trimmed(entry.value)));
  if (const auto wrong = config::check_topic(sink.topics_pattern); !wrong.empty())
    throw BadSetting{entry.line,
                     fmt::format("{} {}; Sluice reads expressions of RE2, without look-around", entry.name, wrong)};
}

void take_tasks(Sink& sink, const ConnectEntry& entry) {
  sink.lanes = std::clamp(number_of(entry), 1, 64);
}

void take_converter(Sink& sink, const ConnectEntry& entry) {
  sink.value_converter = entry.value;
  const auto found = std::ranges::find_if(
      converters, [&](const ConverterFormat& one) { return entry.value.ends_with(fmt::format(".{}", one.type)); });
  if (found == converters.end())
    return sink.without(entry.name, "an unknown converter; format = \"auto\" recognises what it can");
  sink.format = found->format;
  if (sink.format == "auto") sink.without(entry.name, found->text);
}

void take_schemas(Sink& sink, const ConnectEntry& entry) {
  sink.schemas_in_json = boolean_of(entry);
}

void take_registry(Sink& sink, const ConnectEntry& entry) {
  if (!sink.registry.empty()) return;  // the value's counts
  std::string urls;
  for (auto url : split_urls(entry.value)) {
    const auto scheme = url.find("://"), at = url.rfind('@');
    if (at != url.npos && scheme != url.npos) {
      const auto user = url.substr(scheme + 3, at - scheme - 3);
      if (sink.registry_user.empty()) {
        sink.registry_user = user.substr(0, user.find(':'));
        sink.registry_password = sink.secret({entry.name, "", entry.line}, "registry_password");
      }
      url.erase(scheme + 3, at - scheme - 2);
    }
    urls += fmt::format("{}{}", urls.empty() ? "" : ",", url);
  }
  if (urls.contains("${"))
    sink.registry = sink.secret(entry, "registry_url");
  else if (config::check_registry_url(urls).empty() && !urls.empty())
    sink.registry = urls;
  else
    throw BadSetting{entry.line,
                     fmt::format("{} is not http://HOST:PORT or https://HOST:PORT; correct it", entry.name)};
}

void take_registry_user(Sink& sink, const ConnectEntry& entry) {
  if (!sink.registry_user.empty()) return;
  const auto user = entry.value.substr(0, entry.value.find(':'));
  const bool plain = !user.empty() && !entry.value.contains("${");
  sink.registry_user = plain ? url_encoded(user) : sink.secret({entry.name, "", entry.line}, "registry_user");
  sink.registry_password = sink.secret({entry.name, "", entry.line}, "registry_password");
}

void take_registry_source(Sink& sink, const ConnectEntry& entry) {
  if (entry.value != "USER_INFO" && entry.value != "URL")
    sink.without(entry.name, "user and password go into registry.url");
}

void take_tolerance(Sink& sink, const ConnectEntry& entry) {
  sink.tolerates = word_of(entry, {"none", "all"}) == "all";
}

void take_nothing(Sink&, const ConnectEntry&) {}

constexpr std::string_view letters =
    "what cannot be applied is a row of sluice.dead_letter, in the transaction of the rows around it";
constexpr std::string_view registry_text =
    "With user and, as a reference, password; that of the value's converter counts";
constexpr std::string_view pem = "registry.ca, registry.cert and registry.key are PEM files";

constexpr std::array<SinkSetting, 35> shared_settings = {{
    {"name", any_sink, "pipeline", "The connector's name; its group `connect-NAME` is the one that `kafka.start` names",
     take_name},
    {"connector.class", any_sink, "", "Says which of the three sinks it is", take_nothing},
    {"topics", any_sink, "route.topics", "A route for each table that comes of them", take_topics},
    {"topics.regex", any_sink, "route.topics", "The whole name has to match, as in Connect", take_pattern},
    {"tasks.max", any_sink, "postgres.lanes", "As it is, up to 64", take_tasks},
    {"value.converter", any_sink, "route.format", "See the table of converters", take_converter},
    {"value.converter.schemas.enable", any_sink, "route.format", "`connect-json` or `json`", take_schemas},
    {"value.converter.schema.registry.url", any_sink, "registry.url", registry_text, take_registry},
    {"value.converter.schema.registry.basic.auth.user.info", any_sink, "registry.url", registry_text,
     take_registry_user},
    {"value.converter.basic.auth.user.info", any_sink, "registry.url", registry_text, take_registry_user},
    {"value.converter.basic.auth.credentials.source", any_sink, "registry.url", "`USER_INFO` and `URL`",
     take_registry_source},
    {"value.converter.apicurio.registry.", any_sink, "",
     "Apicurio serves Confluent's API under /apis/ccompat/v7: registry.url"},
    {"value.converter.schema.registry.ssl.", any_sink, "", pem},
    {"value.converter.", any_sink, "", "an option of the converter; schemas are read as they are registered"},
    {"key.converter", any_sink, "", "Keys are recognised by themselves", take_nothing},
    {"key.converter.schemas.enable", any_sink, "", "Keys are recognised by themselves", take_nothing},
    {"key.converter.schema.registry.url", any_sink, "registry.url", registry_text, take_registry},
    {"key.converter.schema.registry.basic.auth.user.info", any_sink, "registry.url", registry_text, take_registry_user},
    {"key.converter.basic.auth.user.info", any_sink, "registry.url", registry_text, take_registry_user},
    {"key.converter.basic.auth.credentials.source", any_sink, "registry.url", "`USER_INFO` and `URL`",
     take_registry_source},
    {"key.converter.schema.registry.ssl.", any_sink, "", pem},
    {"key.converter.", any_sink, "", "an option of the converter; keys are recognised by themselves"},
    {"header.converter", any_sink, "", "headers are texts: columns.add takes them by header:NAME"},
    {"errors.tolerance", any_sink, "route.on_error", "`all` is `dead_letter`; `none`, Connect's default, is `stop`",
     take_tolerance},
    {"errors.deadletterqueue.topic.name", any_sink, "", letters},
    {"errors.deadletterqueue.", any_sink, "", letters},
    {"errors.log.enable", any_sink, "", "stopped partitions are in the log, dead letters in a table with the reason"},
    {"errors.log.include.messages", any_sink, "", "the log never holds a record's data; its dead letter does"},
    {"errors.retry.timeout", any_sink, "", "what is nobody's fault is tried again for as long as it takes"},
    {"errors.retry.delay.max.ms", any_sink, "", "the back-off is Sluice's own"},
    {"config.action.reload", any_sink, "", "SIGHUP reads the configuration again"},
    {"config.providers", any_sink, "", "secrets are ${env:…}, ${file:…} or ${credential:…}"},
    {"config.providers.", any_sink, "", "secrets are ${env:…}, ${file:…} or ${credential:…}"},
    {"tasks.max.enforce", any_sink, "", "lanes are as many as postgres.lanes says"},
    {"exactly.once.support", any_sink, "", "each record takes effect exactly once"},
}};

}  // namespace

std::span<const SinkSetting> connect_settings() {
  return shared_settings;
}

std::span<const ConverterFormat> converter_formats() {
  return converters;
}

std::span<const SinkSetting> sink_settings() {
  static const std::vector<SinkSetting> all = [] {
    std::vector<SinkSetting> joined;
    for (const auto part : {connect_settings(), connection_settings(), write_settings(), chain_settings()})
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  }();
  return all;
}

}  // namespace sluice::runtime
