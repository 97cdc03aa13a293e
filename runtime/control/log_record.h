// Records of the log as operators see them: copies, which outlive the client library's messages.
//
// Pure functions but for read_record(), which blocks up to its own deadline of ten seconds with a consumer of its own.
// Any thread; errors are `retry` with a sentence for an operator.
#pragma once

#include "admin/inspection.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::runtime {

LogRecord to_log_record(const Record& record);
// The record at the offset; an error if the log has none there.
Result<LogRecord> read_record(const config::Kafka& kafka, const TopicPartition& at, Offset offset);
// The error of an offset that the log holds, but that is not a record's.
Error no_record_at(const TopicPartition& at, Offset offset);

}  // namespace sluice::runtime
