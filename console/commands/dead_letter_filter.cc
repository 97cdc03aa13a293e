#include "console/commands/dead_letter_filter.h"

namespace sluice::console {

std::vector<Option> letter_filter_options() {
  return {{.name = "table", .value = ArgumentKind::table, .shown = "T", .help = "of this table"},
          {.name = "topic", .value = ArgumentKind::topic, .shown = "T", .help = "of this topic"},
          {.name = "reason", .value = ArgumentKind::text, .shown = "R", .help = "with this text in the reason"},
          {.name = "since",
           .value = ArgumentKind::time,
           .shown = "TIME",
           .help = "stored since then: 2h, 7d, or a time of RFC 3339"},
          {.name = "all", .help = "also those that are resolved"},
          {.name = "failed", .help = "only those that were tried more than once"}};
}

std::expected<DeadLetterFilter, int> letter_filter(Call& call, int limit_otherwise) {
  DeadLetterFilter filter;
  filter.topic = call.option("topic");
  filter.table = call.option("table");
  filter.reason = call.option("reason");
  filter.resolved = call.has("all");
  filter.failed = call.has("failed");
  const auto since = time_option(call, "since");
  if (!since) return std::unexpected(since.error());
  filter.since = *since;
  const auto limit = number_option(call, "limit", limit_otherwise, letters_at_most);
  if (!limit) return std::unexpected(limit.error());
  filter.limit = static_cast<int>(*limit);
  return filter;
}

std::string counted_letters(std::int64_t number, bool resolved) {
  return counted(static_cast<std::size_t>(number), resolved ? "dead letter" : "open dead letter");
}

}  // namespace sluice::console
