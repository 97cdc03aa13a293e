#include "runtime/control/log_record.h"

#include <fmt/format.h>

#include "base/record_copy.h"
#include "listener/reader.h"
#include "runtime/control/deadlines.h"

namespace sluice::runtime {

LogRecord to_log_record(const Record& record) {
  LogRecord out;
  out.at = *record.at;
  out.offset = record.offset;
  if (record.timestamp_ms >= 0) out.timestamp = WallClock::time_point(std::chrono::milliseconds(record.timestamp_ms));
  copy_content(record, out);
  return out;
}

Error no_record_at(const TopicPartition& at, Offset offset) {
  return {ErrorClass::reject, "",
          fmt::format("{}/{} has no record at offset {}: compaction removed it, or it marks a transaction", at.topic,
                      at.partition, offset)};
}

Result<LogRecord> read_record(const config::Kafka& kafka, const TopicPartition& at, Offset offset) {
  const auto deadline = Clock::now() + fetch_deadline;
  auto reader = listener::Reader::open(kafka, at, offset, deadline);
  if (!reader) return std::unexpected(reader.error());
  std::optional<LogRecord> found;
  const auto read =
      reader->read_to(offset + 1, deadline, [&](const Record& record) { found = to_log_record(record); }, 1);
  if (!read) return std::unexpected(read.error());
  if (!found) return std::unexpected(no_record_at(at, offset));
  return std::move(*found);
}

}  // namespace sluice::runtime
