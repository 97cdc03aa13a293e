#include "console/commands/pauses.h"

#include "base/crc32c.h"

namespace sluice::console {

Section pause_result() {
  return {.columns = {{.name = "target"},
                      {.name = "already_paused", .kind = ColumnType::yes_no},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "by"},
                      {.name = "reason"},
                      {.name = "at", .kind = ColumnType::time},
                      {.name = "expires", .kind = ColumnType::time, .nullable = true}},
          .record = true};
}

Section pause_section(const Pause& pause, std::size_t partitions, bool already) {
  return filled(pause_result(), {pause.target, already, static_cast<std::int64_t>(partitions), pause.by, pause.reason,
                                 pause.at, optional_time(pause.expires)});
}

Section pauses_result() {
  return {.name = "pauses",
          .columns = {{.name = "number", .kind = ColumnType::id},
                      {.name = "target"},
                      {.name = "by"},
                      {.name = "since", .kind = ColumnType::time},
                      {.name = "expires", .kind = ColumnType::time, .label = "until", .nullable = true},
                      {.name = "reason"}}};
}

Section resumed_result() {
  return {.name = "resumed",
          .columns = {{.name = "target"},
                      {.name = "paused_seconds", .kind = ColumnType::seconds, .label = "was paused for"},
                      {.name = "by"},
                      {.name = "reason"}}};
}

std::int64_t number_of(const Pause& pause) {
  const auto at = std::chrono::floor<std::chrono::milliseconds>(pause.at.time_since_epoch());
  return 1000 + crc32c(fmt::format("{} {}", pause.target, at.count())) % 9000;
}

std::string number_text(const Pause& pause) {
  return fmt::format("#{}", number_of(pause));
}

}  // namespace sluice::console
