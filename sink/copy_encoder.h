// The rows of a write in COPY's binary format, chunk by chunk.
//
// Lives as long as the COPY and reads the changes; no errors.
#pragma once

#include <string>

#include "sink/write_plan.h"

namespace sluice::sink {

class CopyEncoder {
 public:
  CopyEncoder(const Changes& changes, const PlannedWrite& write) : changes_(&changes), write_(&write) {}
  // Appends the next 64 KiB or a little more; returns false after the last chunk.
  bool operator()(std::string& chunk);

 private:
  const Changes* changes_;
  const PlannedWrite* write_;
  std::size_t next_ = 0;
};

}  // namespace sluice::sink
