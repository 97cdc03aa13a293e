// Progress of the demo: the produced offsets beside the pointers in PostgreSQL, and their display.
//
// Read by the demo's main thread from the database itself, not from the service: what is shown has been committed.
// Rendering is pure.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "admin/positions.h"
#include "sink/sql_client.h"

namespace sluice::runtime::demo {

struct Progress {
  std::chrono::milliseconds elapsed{0};
  std::chrono::milliseconds run_for{0};  // 0: until Ctrl-C
  std::string phase;
  std::int64_t produced = 0;
  std::int64_t poison = 0;
  double produced_per_second = 0;
  double done_per_second = 0;  // offsets that took effect
  std::vector<PointerRow> pointers;
  std::map<TopicPartition, Offset> ends;                     // as acknowledged to the generator
  std::vector<std::pair<std::string, std::int64_t>> tables;  // name and rows
  std::string login;                                         // the line to type, to reach the console
  std::vector<std::string> hints;                            // commands to try beside it

  std::int64_t sum(std::int64_t Counts::* count) const;
  std::int64_t done() const;
  std::int64_t lag() const { return produced - done(); }
  std::int64_t lag_of(const PointerRow& pointer) const;
};

// Empty while the service has not made its schema yet.
Result<std::vector<PointerRow>> read_pointers(sink::SqlClient& client);

std::string render_screen(const Progress& progress);  // several lines, for a terminal
std::string render_line(const Progress& progress);    // one line, for a pipe

}  // namespace sluice::runtime::demo
