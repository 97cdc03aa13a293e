// The settings of [limits]: what holds the service back for the sake of others.
#include "config/setting_field.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> limits() {
  return {
      {.section = "limits",
       .name = "rows_per_second",
       .type = integer,
       .field = in<&Pipeline::limits, &Limits::rows_per_second>(),
       .help =
           "Rows that all lanes of a process together write or delete in a second, on average; 0: no limit. A batch has at "
           "most as many records.",
       .unit = "rows",
       .least = 0,
       .most = 100'000'000,
       .reloadable = true},
      {.section = "limits",
       .name = "replica_lag",
       .type = duration,
       .field = in<&Pipeline::limits, &Limits::replica_lag>(),
       .help =
           "Batches wait while a standby that is connected to the server replays later than this; empty: none is waited "
           "for. The role needs pg_monitor, which sluice grants prints.",
       .least = 1'000,
       .most = 3'600'000,
       .may_be_empty = true},
      {.section = "limits",
       .name = "replica_bytes",
       .type = size,
       .field = in<&Pipeline::limits, &Limits::replica_bytes>(),
       .help = "The same, while a standby has still so many bytes of the server's log to replay.",
       .least = 1 << 20,
       .most = 1LL << 40,
       .may_be_empty = true},
  };
}

}  // namespace sluice::config
