#include "runtime/init/topic_sample.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
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
  if (record.key) copy.key.emplace(*record.key);
  if (record.value) copy.value.emplace(*record.value);
  for (const auto& header : record.headers)
    copy.headers.emplace_back(header.name, header.value ? std::optional<std::string>(*header.value) : std::nullopt);
  return copy;
}

// Reads up to `count` records from the beginning of a partition, and as many from its end.
class PartitionSampler {
 public:
  PartitionSampler(const config::Kafka& kafka, Clock::time_point deadline, TopicSample& sample)
      : kafka_(kafka), deadline_(deadline), sample_(sample) {}

  Result<void> read(const TopicPartition& at, const listener::PartitionEnds& ends, std::size_t count) {
    const auto wanted = static_cast<Offset>(count);
    const Offset behind = std::min(ends.high, ends.low + wanted);
    if (auto done = read_part(at, ends.low, behind, count); !done) return done;
    return read_part(at, std::max(behind, ends.high - wanted), ends.high, count);
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
  auto ends = listener::partition_ends(kafka, *found, left(deadline));
  if (!ends) return std::unexpected(ends.error());
  TopicSample sample;
  for (const auto& one : *ends) sample.held += one.high - one.low;
  std::erase_if(*ends, [](const auto& one) { return one.low == one.high; });
  std::ranges::stable_sort(*ends, std::greater(), [](const auto& one) { return one.high - one.low; });
  if (ends->size() > most_partitions) ends->resize(most_partitions);
  PartitionSampler sampler(kafka, deadline, sample);
  for (const auto& one : *ends) {
    const auto& at = sample.places.emplace_back(TopicPartition{topic, one.partition});
    const auto done = sampler.read(at, one, std::max<std::size_t>(1, most_records / 2 / ends->size()));
    if (done) continue;
    if (sample.records.empty()) return std::unexpected(done.error());
    sample.trouble = done.error().message;
    break;
  }
  return sample;
}

}  // namespace sluice::runtime
