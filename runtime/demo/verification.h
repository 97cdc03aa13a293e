// The demo's final check: PostgreSQL must hold exactly the effect of the events, each applied once.
//
// Four findings, each from SQL and the generator's model: the rows of every table, the dead letters, the pointers at
// the end of the log, and the accounting of every partition. Reads only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/record.h"
#include "runtime/demo/shop.h"
#include "runtime/demo/ssh_login.h"
#include "sink/sql_client.h"

namespace sluice::runtime::demo {

struct Finding {
  bool holds = false;
  std::string text;  // one line; what differs, if it does not hold
};

std::vector<Finding> prove(sink::SqlClient& query, const Shop& shop, std::int64_t produced,
                           const std::map<TopicPartition, Offset>& ends);

// Checks the same from outside: by the console's command `count`, through a real SSH client.
struct Counted {
  std::string table;  // as the console prints it, indented
  Finding finding;    // its records are those that were produced, and its accounts balance
};
Counted ask_console(const SshLogin& access, std::int64_t produced);

}  // namespace sluice::runtime::demo
