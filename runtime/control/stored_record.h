// Restores the record of a stored dead letter.
//
// Owns the bytes that the record's views point into; not movable for that reason. One thread at a time.
#pragma once

#include <deque>
#include <string>

#include "admin/dead_letters.h"
#include "base/clock.h"
#include "base/record.h"
#include "config/pipeline.h"
#include "runtime/pipeline/record_mapper.h"

namespace sluice::runtime {

class StoredRecord {
 public:
  // `row` holds the contents and outlives this object.
  explicit StoredRecord(const DeadLetterRow& row);
  StoredRecord(const StoredRecord&) = delete;
  StoredRecord& operator=(const StoredRecord&) = delete;

  const Record& record() const { return record_; }

 private:
  Record record_;
  std::deque<std::string> texts_;  // of the headers
};

// Maps the letter's record: as stored, or, where the letter was stored without its contents, as it is in Kafka. It must
// be the same record there: a topic that was made anew holds others at the same offsets.
Result<void> add_record(RecordMapper& mapper, const config::Kafka& kafka, const DeadLetterRow& letter,
                        Clock::time_point deadline);

// The headers as stored ([["name", "text"], ["name", null], ["name", {"base64": "…"}]], a name that is no text in
// base64, too); the texts go into `texts`, which must not move.
std::vector<Header> headers_of(const std::string& json, std::deque<std::string>& texts);

}  // namespace sluice::runtime
