#include "runtime/init/topic_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/printable.h"
#include "base/record_copy.h"
#include "listener/log_range.h"
#include "listener/reader.h"
#include "listener/topics.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t most_partitions = 12;  // each is read by a client of its own
constexpr std::size_t most_records = 400;
constexpr std::size_t most_bytes = 32u << 20;
constexpr std::chrono::milliseconds longest_question{5000};  // to brokers that may not be there

std::chrono::milliseconds left(Clock::time_point deadline) {
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()),
                  std::chrono::milliseconds(1));
}

SampledRecord copy_of(const Record& record, const TopicPartition& at) {
  SampledRecord copy;
  copy.at = &at;
  copy.offset = record.offset;
  copy.timestamp_ms = record.timestamp_ms;
  copy_content(record, copy);
  return copy;
}

using PartitionLog = std::pair<TopicPartition, listener::LogRange>;

Result<std::vector<PartitionLog>> logs_of(const config::Kafka& kafka, const listener::Topic& topic,
                                          Clock::time_point deadline) {
  std::vector<TopicPartition> asked;
  for (std::int32_t partition = 0; partition < topic.partitions; ++partition) asked.push_back({topic.name, partition});
  const auto answers = listener::log_ranges(kafka, asked, deadline);
  if (!answers) return std::unexpected(answers.error());
  std::vector<PartitionLog> logs;
  for (const auto& [at, range] : *answers) {
    if (!range) return std::unexpected(range.error());
    logs.emplace_back(at, *range);
  }
  return logs;
}

// Reads up to `count` records from the beginning of a partition, and as many from its end.
class PartitionSampler {
 public:
  PartitionSampler(const config::Kafka& kafka, Clock::time_point deadline, TopicSample& sample)
      : kafka_(kafka), deadline_(deadline), sample_(sample) {}

  Result<void> read(const TopicPartition& at, const listener::LogRange& log, std::size_t count) {
    const auto wanted = static_cast<Offset>(count);
    const Offset behind = std::min(log.end, log.first + wanted);
    if (auto done = read_part(at, log.first, behind, count); !done) return done;
    return read_part(at, std::max(behind, log.end - wanted), log.end, count);
  }

 private:
  Result<void> read_part(const TopicPartition& at, Offset from, Offset to, std::size_t count) {
    if (from >= to) return {};
    auto reader = listener::Reader::open(kafka_, at, from, deadline_);
    if (!reader) return std::unexpected(reader.error());
    return reader->read_to(
        to, deadline_,
        [&](const Record& record) {
          bytes_ += record.bytes();
          if (bytes_ <= most_bytes) sample_.records.push_back(copy_of(record, at));
        },
        count);
  }

  const config::Kafka& kafka_;
  const Clock::time_point deadline_;
  TopicSample& sample_;
  std::size_t bytes_ = 0;
};

}  // namespace

Record SampledRecord::record() const {
  Record made;
  made.at = at;
  made.offset = offset;
  made.timestamp_ms = timestamp_ms;
  if (key) made.key = *key;
  if (value) made.value = *value;
  for (const auto& [name, content] : headers)
    made.headers.push_back({name, content ? std::optional<std::string_view>(*content) : std::nullopt});
  return made;
}

Result<TopicSample> sample_topic(const config::Kafka& kafka, const std::string& topic, Clock::time_point deadline) {
  const auto topics = listener::list_topics(kafka, std::min(left(deadline), longest_question));
  if (!topics) return std::unexpected(topics.error());
  const auto found = std::ranges::find(*topics, topic, &listener::Topic::name);
  if (found == topics->end() || found->partitions == 0)
    return fail(ErrorClass::retry, fmt::format("{} has no topic {}; correct --topic", kafka.brokers, printable(topic)));
  auto logs = logs_of(kafka, *found, deadline);
  if (!logs) return std::unexpected(logs.error());
  const auto held = [](const PartitionLog& one) { return one.second.end - one.second.first; };
  TopicSample sample;
  for (const auto& one : *logs) sample.held += held(one);
  std::erase_if(*logs, [&](const auto& one) { return held(one) == 0; });
  std::ranges::stable_sort(*logs, std::greater(), held);
  if (logs->size() > most_partitions) logs->resize(most_partitions);
  PartitionSampler sampler(kafka, deadline, sample);
  for (const auto& [place, log] : *logs) {
    const auto& at = sample.places.emplace_back(place);
    const auto done = sampler.read(at, log, std::max<std::size_t>(1, most_records / 2 / logs->size()));
    if (done) continue;
    if (sample.records.empty()) return std::unexpected(done.error());
    sample.trouble = done.error().message;
    break;
  }
  return sample;
}

}  // namespace sluice::runtime
