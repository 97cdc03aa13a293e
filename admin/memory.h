// What holds memory in this process, as far as it is counted: records that are read and have not taken effect yet, and
// schemas of the registry. Values, and the interface of what knows them; any thread, never waits for a lane.
//
// Sizes are bytes. What is not counted: the program, buffers that are kept for their next use, what librdkafka, libpq
// and the allocator need themselves.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice {

struct MemoryUse {
  struct Part {
    std::int64_t items = 0, bytes = 0;
    std::int64_t limit = 0;  // of the bytes; they may exceed it by one record or schema

    Part& operator+=(const Part& more) {
      items += more.items;
      bytes += more.bytes;
      limit += more.limit;
      return *this;
    }
  };
  struct Lane {
    int lane = 0;
    Part collecting, in_server;  // records of its two batches, with the rows that were made of them
    Part held;                   // records that wait for the rest of their source transaction
    Part fetched;  // in the queues of its partitions; the bytes by the mean of those that were taken out of them before
  };
  std::vector<Lane> lanes;
  Part schemas;
  std::int64_t resident = -1;  // of the whole process, from the kernel; -1: not known
};

class Memory {
 public:
  virtual ~Memory() = default;
  // Lanes as they were a tenth of a second ago.
  virtual MemoryUse memory() const = 0;
};

}  // namespace sluice
