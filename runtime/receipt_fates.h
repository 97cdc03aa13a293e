// What became of the records of a receipt: reads it line by line and asks PostgreSQL, a thousand at a time, so that
// memory is bounded.
//
// Used by the main thread, once. A record that took effect is called applied: which of them were folded into later ones
// or skipped is stored in sums only, not for each.
#pragma once

#include <expected>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/pipeline.h"
#include "mapping/mapper.h"
#include "runtime/receipt.h"
#include "sink/sql_client.h"
#include "sink/verification.h"

namespace sluice::runtime {

// The word for a record's fate, and why if that needs saying: applied, dead (letter 7), not yet, unknown (…).
std::string fate_text(Offset offset, const sink::RecordFate& fate);

class ReceiptFates {
 public:
  // The error begins with the path.
  static std::expected<ReceiptFates, std::string> open(const std::shared_ptr<const config::Pipeline>& pipeline,
                                                       const std::string& path);

  // Prints a line for each record and one with the sums to stdout. Returns true if each has taken effect.
  Result<bool> print();

 private:
  struct Entry {
    ReceiptLine line;
    TopicPartition at;
    std::string fate;   // if PostgreSQL need not be asked
    std::string wrong;  // the line is none of a receipt: where, and why
  };
  ReceiptFates(std::shared_ptr<const config::Pipeline> pipeline, std::string path, std::ifstream file)
      : pipeline_(std::move(pipeline)), path_(std::move(path)), file_(std::move(file)) {}
  Entry entry_of(const std::string& text, const mapping::Mapper& mapper);
  Result<void> print_slice(sink::SqlClient& client, std::vector<Entry>& entries);

  std::shared_ptr<const config::Pipeline> pipeline_;
  std::string path_;
  std::ifstream file_;
  std::int64_t lines_ = 0, applied_ = 0, dead_ = 0, not_yet_ = 0, unknown_ = 0;
};

}  // namespace sluice::runtime
