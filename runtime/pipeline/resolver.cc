#include "runtime/pipeline/resolver.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace sluice::runtime {

namespace {

Result<void> resolve_schema(const SchemaName& wanted, mapping::Mapper& mapper, SchemaSource& schemas,
                            std::chrono::milliseconds patience) {
  auto schema = schemas.find(wanted, patience);
  if (schema) {
    mapper.set_schema(wanted, **schema);
  } else if (schema.error().next == ErrorClass::reject) {
    mapper.refuse_schema(wanted, std::move(schema.error().message));
  } else {
    return std::unexpected(std::move(schema.error()));
  }
  return {};
}

Result<void> resolve_evolution(const mapping::EvolutionWanted& wanted, mapping::Mapper& mapper,
                               const Sources& sources) {
  const auto& [of, evolution, at, offset] = wanted;
  if (!sources.evolves) {
    return fail(ErrorClass::stop_partition,
                fmt::format("{} lacks columns for this record; the service would first run: {}", of.table,
                            sources.tables.statement_for(of.table, evolution)));
  }
  auto evolved = sources.tables.evolve({of.table, of.route}, evolution);
  if (!evolved && evolved.error().next == ErrorClass::reject) {  // the record's names
    mapper.refuse_evolution(wanted, evolved.error().sqlstate, evolved.error().message);
    return {};
  }
  if (!evolved) return std::unexpected(std::move(evolved.error()));
  if (!evolved->statement.empty())
    log::info("evolve", "{}/{} offset {}: ran {}", at.topic, at.partition, offset, evolved->statement);
  mapper.set_table(of, std::move(evolved->table));
  return {};
}

// Somebody may have dropped the column, or given it a default.
Result<void> resolve_vanished(const mapping::VanishedColumn& wanted, mapping::Mapper& mapper, const Sources& sources) {
  auto table = sources.tables.describe(wanted.of.table, *wanted.of.route);
  if (!table) return std::unexpected(std::move(table.error()));
  const auto& columns = (*table)->columns;
  const auto found = std::ranges::find(columns, wanted.column, &Column::name);
  if (found != columns.end() && !found->has_default && !found->generated && !found->identity_always) {
    return fail(
        ErrorClass::stop_partition,
        fmt::format("the events' schema has no field for the column {} of {}, and vanished is \"stop\": drop the "
                    "column, give it a default, exclude it (columns.exclude) or set vanished = \"keep\"",
                    wanted.column, wanted.of.table));
  }
  mapper.set_table(wanted.of, std::move(*table));
  return {};
}

Result<void> resolve_equality(const mapping::EqualityWanted& wanted, mapping::Mapper& mapper, const Sources& sources) {
  const auto equal = sources.tables.equal(wanted.values);
  if (!equal) return std::unexpected(equal.error());
  mapper.set_equal(wanted, *equal);
  return {};
}

}  // namespace

Result<void> resolve(const mapping::Wanted& wanted, mapping::Mapper& mapper, const Sources& sources) {
  if (const auto* schema = std::get_if<mapping::SchemaWanted>(&wanted))
    return resolve_schema(schema->schema, mapper, sources.schemas, sources.patience);
  if (const auto* evolution = std::get_if<mapping::EvolutionWanted>(&wanted))
    return resolve_evolution(*evolution, mapper, sources);
  if (const auto* vanished = std::get_if<mapping::VanishedColumn>(&wanted))
    return resolve_vanished(*vanished, mapper, sources);
  if (const auto* equality = std::get_if<mapping::EqualityWanted>(&wanted))
    return resolve_equality(*equality, mapper, sources);
  const auto& asked = std::get<mapping::TableWanted>(wanted);
  auto table = sources.tables.describe(asked.table, *asked.route);
  if (!table && table.error().sqlstate == "42P01" && asked.route->evolve == config::Evolve::tables) {
    mapper.set_missing(asked);
    return {};
  }
  if (!table && table.error().next == ErrorClass::reject) {  // the event names it
    mapper.refuse_table(asked, table.error().sqlstate, table.error().message);
    return {};
  }
  if (!table) return std::unexpected(std::move(table.error()));
  mapper.set_table(asked, std::move(*table));
  return {};
}

bool resolve_at_hand(const mapping::Blocked& blocked, mapping::Mapper& mapper, SchemaSource& schemas) {
  const auto* wanted = std::get_if<mapping::Wanted>(&blocked);
  const auto* schema = wanted ? std::get_if<mapping::SchemaWanted>(wanted) : nullptr;
  return schema && resolve_schema(schema->schema, mapper, schemas, std::chrono::milliseconds(0));
}

std::expected<Outcome, NotMapped> map_record(mapping::Mapper& mapper, const Record& record, mapping::ChangeSet& set,
                                             const Sources& sources, DescriptionCheck& descriptions) {
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
      auto done = resolve(*wanted, mapper, sources);
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

std::expected<mapping::SourceMark, NotMapped> mark_record(mapping::Mapper& mapper, const Record& record,
                                                          const Sources& sources) {
  for (;;) {
    auto mark = mapper.source_mark(record);
    if (mark) return *mark;
    auto done = resolve(std::get<mapping::Wanted>(mark.error()), mapper, sources);
    if (!done) return std::unexpected(NotMapped{std::move(mark.error()), std::move(done.error())});
  }
}

}  // namespace sluice::runtime
