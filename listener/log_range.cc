#include "listener/log_range.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "listener/client_config.h"
#include "listener/watermarks.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

// What the answer says, or the error.
Result<Offset> offset_at(rd_kafka_t* client, const TopicPartition& at, WallClock::time_point moment,
                         milliseconds timeout) {
  const ListHandle list(rd_kafka_topic_partition_list_new(1));
  auto* one = rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition);
  one->offset = std::chrono::duration_cast<milliseconds>(moment.time_since_epoch()).count();
  auto error = rd_kafka_offsets_for_times(client, list.get(), static_cast<int>(timeout.count()));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = one->err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return one->offset;
  return fail(ErrorClass::retry, fmt::format("{}/{}: Kafka did not tell which offset that time has: {}", at.topic,
                                             at.partition, rd_kafka_err2str(error)));
}

Result<ClientHandle> client_of(const config::Kafka& settings, const char* isolation = "read_committed") {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  const Setting ours[] = {{"isolation.level", isolation}, {"allow.auto.create.topics", "false"}};
  if (auto done = require(conf->get(), ours); !done) return std::unexpected(done.error());
  return make_client(RD_KAFKA_CONSUMER, std::move(*conf));
}

milliseconds request_time(Clock::time_point deadline) {
  return std::clamp(std::chrono::duration_cast<milliseconds>(interruption().earlier(deadline) - Clock::now()),
                    milliseconds(1), milliseconds(30'000));
}

}  // namespace

Result<LogRange> log_range(const config::Kafka& settings, const TopicPartition& at,
                           std::optional<WallClock::time_point> moment, Clock::time_point deadline) {
  const auto client = client_of(settings);
  if (!client) return std::unexpected(client.error());
  const auto marks = query_watermarks(client->get(), at, request_time(deadline));
  if (!marks) return std::unexpected(marks.error());
  LogRange range{marks->low, marks->high, marks->high};
  if (!moment) return range;
  const auto found = offset_at(client->get(), at, *moment, request_time(deadline));
  if (!found) return std::unexpected(found.error());
  if (*found >= 0) range.at_time = std::clamp(*found, range.first, range.end);  // negative: nothing is as young
  return range;
}

Result<Offset> whole_end(const config::Kafka& settings, const TopicPartition& at, Clock::time_point deadline) {
  const auto client = client_of(settings, "read_uncommitted");
  if (!client) return std::unexpected(client.error());
  const auto marks = query_watermarks(client->get(), at, request_time(deadline));
  if (!marks) return std::unexpected(marks.error());
  return marks->high;
}

Result<LogRanges> log_ranges(const config::Kafka& settings, const std::vector<TopicPartition>& of,
                             Clock::time_point deadline) {
  const auto client = client_of(settings);
  if (!client) return std::unexpected(client.error());
  const auto marks = query_watermarks(client->get(), of, request_time(deadline));
  if (!marks) return std::unexpected(marks.error());
  LogRanges ranges;
  for (const auto& [at, found] : *marks) {
    if (found)
      ranges.emplace(at, LogRange{found->low, found->high, found->high});
    else
      ranges.emplace(at, std::unexpected(found.error()));
  }
  return ranges;
}

}  // namespace sluice::listener
