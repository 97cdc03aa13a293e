#include "runtime/pipeline/resolver.h"

#include <fmt/format.h>

namespace sluice::runtime {

Result<void> resolve(const mapping::Wanted& wanted, mapping::Mapper& mapper, sink::Tables& tables) {
  const auto& asked = std::get<mapping::TableWanted>(wanted);
  auto table = tables.describe(asked.table, *asked.route);
  if (!table && table.error().next == ErrorClass::reject) {  // the event names it
    mapper.refuse_table(asked, table.error().sqlstate, table.error().message);
    return {};
  }
  if (!table) return std::unexpected(std::move(table.error()));
  mapper.set_table(asked, std::move(*table));
  return {};
}

std::expected<Outcome, NotMapped> map_record(mapping::Mapper& mapper, const Record& record, mapping::ChangeSet& set,
                                             sink::Tables& tables, DescriptionCheck& descriptions) {
  for (;;) {
    auto mapped = mapper.map(record, set);
    if (mapped) {
      auto allowed = descriptions.allows(*mapped);
      if (allowed && *allowed) return *mapped;
      set.take_back_rejected();
      if (!allowed) return std::unexpected(NotMapped{std::nullopt, std::move(allowed.error())});
      continue;
    }
    auto& blocked = mapped.error();
    if (const auto* wanted = std::get_if<mapping::Wanted>(&blocked)) {
      auto done = resolve(*wanted, mapper, tables);
      if (done) continue;
      return std::unexpected(NotMapped{std::move(blocked), std::move(done.error())});
    }
    if (const auto* paused = std::get_if<mapping::TablePaused>(&blocked)) {
      Error error{ErrorClass::stop_partition, {}, fmt::format("table {}: {}", paused->table, paused->reason)};
      return std::unexpected(NotMapped{std::move(blocked), std::move(error)});
    }
    Error error{ErrorClass::stop_service, {}, fmt::format("no route takes the topic {}", record.at->topic)};
    return std::unexpected(NotMapped{std::move(blocked), std::move(error)});
  }
}

}  // namespace sluice::runtime
