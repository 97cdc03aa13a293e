// The physical standbys of the server, as its view pg_stat_replication has them.
//
// Asked by the admin service's thread. `reject` says that the server has no such view, or does not write a log of its
// own; other errors are those of AdminTables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::sink {

struct Standby {
  std::string name;           // application_name, or its address
  std::int64_t replayed = 0;  // position in the log, bytes
};

struct StandbyReport {
  std::int64_t written = 0;  // the log's end, bytes
  bool hidden = false;       // there are standbys, but the role may not see how far they are
  std::vector<Standby> standbys;
};

class Standbys {
 public:
  virtual ~Standbys() = default;
  virtual Result<StandbyReport> standbys() = 0;
};

}  // namespace sluice::sink
