#include "listener/handles.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice::listener {
namespace {

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) {
    // librdkafka's text quotes the value, which may be a password: name the property only.
    return fail(ErrorClass::stop_service, fmt::format("kafka.properties: librdkafka {} refuses \"{}\": unknown "
                                                      "property or unusable value; see its CONFIGURATION.md",
                                                      rd_kafka_version_str(), name));
  }
  return {};
}

struct Setting {
  const char* name;
  const char* value;
};

// Comfort, which the user may override.
constexpr Setting preferred[] = {
    {"session.timeout.ms", "45000"},     {"heartbeat.interval.ms", "3000"},
    {"max.poll.interval.ms", "300000"},  {"queued.min.messages", "100000"},
    {"fetch.wait.max.ms", "100"},        {"fetch.error.backoff.ms", "100"},
    {"reconnect.backoff.ms", "50"},      {"reconnect.backoff.max.ms", "2000"},
    {"socket.keepalive.enable", "true"}, {"topic.metadata.refresh.interval.ms", "30000"},
    {"log.connection.close", "false"},
};

// What the promise rests on; config refuses overrides with the reason.
constexpr Setting required[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "true"},
    {"allow.auto.create.topics", "false"},
};

}  // namespace

Result<ConfHandle> client_conf(const config::Kafka& settings) {
  ConfHandle conf(rd_kafka_conf_new());
  if (auto done = set(conf.get(), "bootstrap.servers", settings.brokers); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = set(conf.get(), "client.id", "sluice"); !done) return std::unexpected(done.error());
  for (const auto& [name, value] : settings.properties) {
    if (auto done = set(conf.get(), name, value.reveal()); !done) return std::unexpected(done.error());
  }
  return conf;
}

Result<ConfHandle> consumer_conf(const config::Kafka& settings, std::size_t queue_bytes) {
  auto conf = client_conf(settings);
  if (!conf) return conf;
  const auto kilobytes = std::max<std::size_t>(256, queue_bytes / 1024);
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, value] : preferred) {
    if (!settings.properties.contains(name)) all.emplace_back(name, value);
  }
  all.emplace_back("queued.max.messages.kbytes", std::to_string(kilobytes));
  all.emplace_back("fetch.message.max.bytes", std::to_string(kilobytes * 1024));
  for (const auto& [name, value] : required) all.emplace_back(name, value);
  all.emplace_back("group.id", settings.group);
  all.emplace_back("partition.assignment.strategy",
                   settings.strategy == config::Strategy::range ? "range" : "cooperative-sticky");
  if (!settings.instance.empty()) all.emplace_back("group.instance.id", settings.instance);
  for (const auto& [name, value] : all) {
    if (auto done = set(conf->get(), name, value); !done) return std::unexpected(done.error());
  }
  return conf;
}

Result<ClientHandle> make_client(rd_kafka_type_t type, ConfHandle conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), why, sizeof why);
  if (client == nullptr) return fail(ErrorClass::stop_service, fmt::format("librdkafka cannot start: {}", why));
  (void)conf.release();  // rd_kafka_new took it over
  return ClientHandle(client);
}

}  // namespace sluice::listener
