#include "runtime/control/freeing_ddl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/excerpt.h"
#include "base/interrupt.h"
#include "base/table_name.h"
#include "runtime/control/stored_record.h"

namespace sluice::runtime {
namespace {

// What a sentence has between its beginning and its end; empty if they differ.
std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  if (!text.starts_with(begin)) return {};
  text.remove_prefix(begin.size());
  if (!text.ends_with(end)) return {};
  text.remove_suffix(end.size());
  return text;
}

std::shared_ptr<const config::Pipeline> with_tables_that_follow(config::Pipeline pipeline) {
  const auto follow = [](config::Route& route) {
    route.evolve = config::Evolve::tables;
    route.vanished = config::Vanished::keep;
  };
  for (auto& route : pipeline.routes) {
    follow(route);
    std::ranges::for_each(route.children, follow);
  }
  return std::make_shared<const config::Pipeline>(std::move(pipeline));
}

bool is_told_by_records(const std::string& sqlstate) {
  constexpr auto told = std::to_array<std::string_view>({"22001", "22003", "22P02", "42703", "42P01"});
  return std::ranges::find(told, sqlstate) != told.end();
}

// Of two types for the same values; only numbers and texts are told apart by their width.
const std::string& wider_of(const std::string& one, const std::string& other) {
  constexpr auto numbers =
      std::to_array<std::string_view>({"smallint", "integer", "bigint", "numeric", "double precision"});
  constexpr auto texts = std::to_array<std::string_view>({"character varying", "text"});
  const auto wider_among = [&](const auto& order) {
    const auto place = [&](const std::string& type) {
      return std::ranges::find(order, std::string_view(type).substr(0, type.find('(')));
    };
    const bool both = place(one) != order.end() && place(other) != order.end();
    // A type without a limit is wider than one with it.
    return both && (place(one) < place(other) || (place(one) == place(other) && other.find('(') == other.npos));
  };
  return wider_among(numbers) || wider_among(texts) ? other : one;
}

void add_columns(std::vector<ColumnChange>& wanted, const std::vector<ColumnChange>& others) {
  for (const auto& other : others) {
    const auto found = std::ranges::find(wanted, other.column, &ColumnChange::column);
    if (found == wanted.end())
      wanted.push_back(other);
    else
      found->type = wider_of(found->type, other.type);
  }
}

// The name of a field may be data, as in a map: a reason has only those that look like a name.
bool names_data(const Evolution& evolution) {
  return std::ranges::any_of(evolution.added, [](const auto& one) { return name_excerpt(one.column) != one.column; });
}

}  // namespace

std::string ddl_of_message(const DeadLetterGroup& group) {
  if (group.table.empty() || group.reason.contains('#')) return {};  // a name that has lost its digits
  const auto name = TableName::parse(group.table);
  if (group.sqlstate == "23502") {
    const auto column = between(group.reason, "null value in column \"",
                                fmt::format("\" of relation \"{}\" violates not-null constraint", name.table));
    return column.empty() ? ""
                          : fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", name.sql(), quoted(column));
  }
  const auto begin =
      group.sqlstate == "23503"
          ? fmt::format("insert or update on table \"{}\" violates foreign key constraint \"", name.table)
      : group.sqlstate == "23514" ? fmt::format("new row for relation \"{}\" violates check constraint \"", name.table)
                                  : "";
  const auto constraint = begin.empty() ? std::string_view() : between(group.reason, begin, "\"");
  if (constraint.empty() || constraint.contains('"')) return {};
  return fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", name.sql(), quoted(constraint));
}

Evolution relevant_to(const std::string& sqlstate, Evolution evolution) {
  if (sqlstate == "42P01") return evolution.creates ? std::move(evolution) : Evolution();
  if (evolution.creates) return {};
  Evolution kept;
  if (sqlstate == "42703")
    kept.added = std::move(evolution.added);
  else
    kept.widened = std::move(evolution.widened);
  return kept;
}

void add_to(Evolution& wanted, const Evolution& other) {
  if (other.creates) {
    wanted.creates = true;
    wanted.key = other.key;
  }
  add_columns(wanted.added, other.added);
  add_columns(wanted.widened, other.widened);
}

Result<sink::Tables::Evolved> FreeingDdl::Asked::evolve(const sink::WantedTable& wanted, const Evolution& lacking) {
  table = wanted.name;
  evolution = lacking;
  return fail(ErrorClass::stop_partition, "not altered: " + statement_for(wanted.name, lacking));
}

FreeingDdl::FreeingDdl(const config::Pipeline& pipeline, sink::AdminTables& store, SchemaSource& schemas)
    : following_(with_tables_that_follow(pipeline)),
      store_(store),
      tables_(pipeline.postgres),
      mapper_(following_, schemas, tables_, true) {
  mapper_.infer_types();
}

void FreeingDdl::find(DeadLetterGroup& group, Clock::time_point deadline) {
  group.ddl = ddl_of_message(group);
  if (group.ddl.empty() && !group.table.empty() && is_told_by_records(group.sqlstate)) find_by_records(group, deadline);
}

void FreeingDdl::find_by_records(DeadLetterGroup& group, Clock::time_point deadline) {
  const auto is_late = [&] { return Clock::now() >= deadline || interruption().requested(); };
  DeadLetterFilter some;
  some.contents = some.resolved = true;
  some.limit = letters_of_each;
  some.ids = group.ids;
  some.ids.resize(std::min<std::size_t>(some.ids.size(), letters_of_each));
  if (is_late()) {
    group.ddl_unknown = "the time was up";
    return;
  }
  const auto letters = store_.letters(some);
  if (!letters) {
    group.ddl_unknown = letters.error().message;
    return;
  }
  Evolution wanted;
  for (const auto& letter : *letters) {
    if (is_late()) break;
    tables_.table.clear();
    const auto mapped = add_record(mapper_, following_->kafka, letter, deadline);
    mapper_.take();
    if (!tables_.table.empty()) {
      if (tables_.table == group.table) add_to(wanted, relevant_to(group.sqlstate, std::move(tables_.evolution)));
    } else if (!mapped) {
      group.ddl_unknown = mapped.error().message;
    }
  }
  if (wanted.empty()) return;
  group.ddl_unknown.clear();
  group.ddl = tables_.statement_for(group.table, wanted);
  group.ddl_names_data = names_data(wanted);
}

}  // namespace sluice::runtime
