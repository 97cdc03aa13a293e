#include "listener/client_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/log.h"
#include "config/spelling.h"

namespace sluice::listener {
namespace {

constexpr std::size_t queue_bytes_min = 256u << 10, queue_bytes_max = 8u << 20;
constexpr std::size_t queue_records_min = 1000;
constexpr std::size_t answer_bytes = 1u << 20;
// From more partitions on each queue has the share of so many, and a FetchBudget keeps the sum: were the shares
// smaller, one answer would fill the queue of a busy partition, and the next fetch would name the idle ones only.
constexpr std::size_t shares_max = 8;
// A fetch names the idle partitions too when the busy ones' queues are full, and the broker holds it back this long:
// the busy ones wait as well. With thousands of partitions a fetch is large itself, so it is sent less often.
constexpr int wait_ms_min = 20, wait_ms_max = 500, partitions_per_wait_ms = 10;

// Those without a value are not among them.
std::string nearest_property(rd_kafka_conf_t* conf, const std::string& name) {
  std::size_t count = 0;
  const char** dump = rd_kafka_conf_dump(conf, &count);
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < count; i += 2) known.emplace_back(dump[i]);
  for (const auto* secret : {"sasl.username", "sasl.password", "ssl.key.password", "ssl.ca.location",
                             "ssl.certificate.location", "ssl.key.location", "sasl.oauthbearer.config"})
    known.emplace_back(secret);
  std::string near(config::nearest(name, known));
  rd_kafka_conf_dump_free(dump, count);
  return near;
}

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char why[512];
  const auto done = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why);
  if (done == RD_KAFKA_CONF_OK) return {};
  // librdkafka's text quotes the value, which may be a password: name the property only.
  Error refused{ErrorClass::stop_service, "", "", name};
  if (done == RD_KAFKA_CONF_UNKNOWN) {
    const auto near = nearest_property(conf, name);
    refused.message =
        fmt::format("kafka.properties: librdkafka {} has no property \"{}\"; {}", rd_kafka_version_str(), name,
                    near.empty() ? "see its CONFIGURATION.md" : fmt::format("did you mean {}?", near));
  } else {
    refused.message =
        fmt::format("kafka.properties: librdkafka {} refuses the value of \"{}\"; see its CONFIGURATION.md",
                    rd_kafka_version_str(), name);
  }
  return std::unexpected(std::move(refused));
}

// Comfort, which the user may override.
constexpr Setting preferred_by_consumers[] = {
    {"session.timeout.ms", "45000"},
    {"heartbeat.interval.ms", "3000"},
    {"max.poll.interval.ms", "300000"},
    {"fetch.error.backoff.ms", "100"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "2000"},
    {"socket.keepalive.enable", "true"},
    // A fetch and a question often share the connection: neither may wait for the other's acknowledgement.
    {"socket.nagle.disable", "true"},
    // A broker that hangs is given up after this, not after a minute.
    {"socket.timeout.ms", "10000"},
    {"topic.metadata.refresh.interval.ms", "30000"},
    {"log.connection.close", "false"},
};

// From 2.2.0 on a queue that was found full is left out of fetches for so long, a second unless it is set, even if it
// has been emptied meanwhile.
constexpr int has_queue_backoff = 0x02020000;
constexpr Setting soon[] = {{"fetch.queue.backoff.ms", "10"}};

// The delivery guarantee depends on these; config refuses overrides with the reason.
constexpr Setting required_of_consumers[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "true"},
    {"allow.auto.create.topics", "false"},
};

// Limits that Sluice shares out among the partitions unless the user sets them.
constexpr const char* shared_out[] = {"queued.max.messages.kbytes", "queued.min.messages", "fetch.max.bytes",
                                      "fetch.message.max.bytes", "fetch.wait.max.ms"};

// The name under which the user has set the property, empty if it is not set.
std::string_view given_as(const config::Kafka& settings, std::string_view name) {
  if (settings.properties.contains(std::string(name))) return name;
  constexpr std::string_view other = "max.partition.fetch.bytes";
  return name == "fetch.message.max.bytes" && settings.properties.contains(std::string(other)) ? other : "";
}

// The effective value; empty for one that is longer than any of ours.
std::string text_in(const rd_kafka_conf_t* conf, const char* name) {
  char text[64] = {};
  std::size_t size = sizeof text;
  return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? std::string(text) : std::string();
}

}  // namespace

FetchLimits fetch_limits(const ConsumerLimits& limits, std::size_t partitions) {
  const auto count = std::max<std::size_t>(1, partitions);
  const auto shares = std::min(count, shares_max);
  FetchLimits share;
  share.queue_bytes = std::clamp(limits.queue_bytes / shares, queue_bytes_min, queue_bytes_max);
  share.queue_records = std::max(limits.queue_records / shares, queue_records_min);
  share.answer_bytes = answer_bytes;
  // A queue exceeds its limit by one fetch, which may hold a hundred thousand tombstones in a megabyte. A fetch that
  // names hundreds of partitions costs as much as mapping a hundred records, so it is worth more of them.
  share.partition_bytes =
      count > shares_max ? answer_bytes / 2 : std::clamp(answer_bytes / count, queue_bytes_min, answer_bytes);
  share.wait_ms = std::clamp(static_cast<int>(count / partitions_per_wait_ms), wait_ms_min, wait_ms_max);
  return share;
}

Result<ConfHandle> client_conf(const config::Kafka& settings) {
  ConfHandle conf(rd_kafka_conf_new());
  // Without one the library writes to stderr by itself, past the log's level and format.
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char* facility, const char* text) {
    log::debug("kafka client", "{}: {}", facility, text);
  });
  if (auto done = set(conf.get(), "bootstrap.servers", settings.brokers); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = set(conf.get(), "client.id", "sluice"); !done) return std::unexpected(done.error());
  for (const auto& [name, value] : settings.properties) {
    if (auto done = set(conf.get(), name, value.reveal()); !done) return std::unexpected(done.error());
  }
  return conf;
}

Result<void> prefer(rd_kafka_conf_t* conf, const config::Kafka& settings, std::span<const Setting> preferred) {
  for (const auto& [name, value] : preferred) {
    if (settings.properties.contains(name)) continue;
    if (auto done = set(conf, name, value); !done) return done;
  }
  return {};
}

std::span<const Setting> fetch_again_soon(int library_version) {
  if (library_version < has_queue_backoff) return {};
  return soon;
}

Result<void> require(rd_kafka_conf_t* conf, std::span<const Setting> required) {
  for (const auto& [name, value] : required) {
    // What is set by hand is warned of where the broker cannot do it, even where it is the default.
    if (text_in(conf, name) == value) continue;
    if (auto done = set(conf, name, value); !done) return done;
  }
  return {};
}

Result<ConfHandle> consumer_conf(const config::Kafka& settings, const FetchLimits& limits) {
  auto conf = client_conf(settings);
  if (!conf) return conf;
  for (const auto preferred : {std::span<const Setting>(preferred_by_consumers), fetch_again_soon()}) {
    if (auto done = prefer(conf->get(), settings, preferred); !done) return std::unexpected(done.error());
  }
  if (auto done = require(conf->get(), required_of_consumers); !done) return std::unexpected(done.error());
  // librdkafka wants a fetch to hold the largest message that the user allows.
  const auto answer = std::max(limits.answer_bytes, number_in(conf->get(), "message.max.bytes"));
  const std::pair<const char*, std::string> sized[] = {
      {"queued.max.messages.kbytes", fmt::to_string(limits.queue_bytes / 1024)},
      {"queued.min.messages", fmt::to_string(limits.queue_records)},
      {"fetch.max.bytes", fmt::to_string(answer)},
      {"fetch.message.max.bytes", fmt::to_string(limits.partition_bytes)},
      {"fetch.wait.max.ms", fmt::to_string(limits.wait_ms)},
  };
  for (const auto& [name, value] : sized) {
    if (!given_as(settings, name).empty()) continue;
    if (auto done = set(conf->get(), name, value); !done) return std::unexpected(done.error());
  }
  std::vector<std::pair<const char*, std::string>> group = {
      {"group.id", settings.group},
      {"partition.assignment.strategy", settings.strategy == config::Strategy::range ? "range" : "cooperative-sticky"},
  };
  if (!settings.instance.empty()) group.emplace_back("group.instance.id", settings.instance);
  for (const auto& [name, value] : group) {
    if (auto done = set(conf->get(), name, value); !done) return std::unexpected(done.error());
  }
  return conf;
}

std::vector<std::string> advice(const config::Kafka& settings, int library_version) {
  constexpr int mended = 0x020601ff;
  std::vector<std::string> lines;
  std::vector<std::string_view> given;
  for (const auto* name : shared_out) {
    if (const auto as = given_as(settings, name); !as.empty()) given.push_back(as);
  }
  if (!given.empty()) {
    lines.push_back(
        fmt::format("kafka.properties sets {}: taken as given, for each partition or fetch; the memory of "
                    "the queues is then not what Sluice would share out",
                    fmt::join(given, ", ")));
  }
  if (settings.strategy == config::Strategy::cooperative_sticky && library_version < mended) {
    lines.push_back(
        fmt::format("kafka.strategy is cooperative-sticky, which has known faults in librdkafka {} (endless "
                    "rebalances, a hanging stop); use 2.6.1 or later, or strategy = \"range\"",
                    rd_kafka_version_str()));
  }
  return lines;
}

Result<ClientHandle> make_client(rd_kafka_type_t type, ConfHandle conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), why, sizeof why);
  if (client == nullptr) return fail(ErrorClass::stop_service, fmt::format("librdkafka cannot start: {}", why));
  (void)conf.release();  // rd_kafka_new took it over
  return ClientHandle(client);
}

std::size_t number_in(const rd_kafka_conf_t* conf, const char* name) {
  return static_cast<std::size_t>(std::strtoull(text_in(conf, name).c_str(), nullptr, 10));
}

Result<void> validate(const config::Kafka& settings) {
  auto conf = consumer_conf(settings, fetch_limits({}, 1));
  if (!conf) return std::unexpected(conf.error());
  return {};
}

}  // namespace sluice::listener
