#include "sink/expected_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/parse.h"
#include "base/table_name.h"
#include "sink/pointer_rows.h"
#include "sink/row_origins.h"
#include "sink/writer_session.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds compare_step{75};  // beyond the server's own for a statement
constexpr std::chrono::minutes compare_timeout{61};
constexpr const char* begin_compare =
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = '60min'; SET LOCAL jit = off; "
    "SET LOCAL idle_in_transaction_session_timeout = '10min'";

// A target and its temporary table.
struct Pair {
  std::shared_ptr<const Table> target;
  std::string name;                           // of the temporary table
  std::set<std::vector<std::uint16_t>> keys;  // that have an index
  std::vector<bool> written, lacking;         // by column: some row has it, some row does not
  bool uncompared = false;
  // Of a table with a key that several origins feed: what each of them makes is kept apart (row_origins.h).
  std::shared_ptr<const Table> gone;     // the table for removed keys; null: it is not such a table
  std::shared_ptr<const Table> merged;   // of a table with a condition: the one for all rows
  std::shared_ptr<const Table> history;  // of a table with versions: the one for all that was written
  std::size_t parent_key = 0;
  int origin = 0;  // whose rows are in the temporary tables
  std::set<int> emptied_by;
  std::map<int, std::vector<bool>> brought;  // by origin, as `written`

  // Which columns the rows have.
  void note(const Changes& changes, const TableChanges& of, int from) {
    auto& own = brought.try_emplace(from, written.size()).first->second;
    for (const auto& step : of.steps) {
      for (const auto& row : step.rows) {
        if (row.kind == ChangeKind::remove) continue;
        const Cell* cells = changes.row(row);
        for (std::size_t i = 0; i < written.size(); ++i) {
          const bool absent = cells[i].length == Cell::absent;
          (absent ? lacking : written)[i] = true;
          own[i] = own[i] || !absent;
        }
      }
    }
  }
};

// The rows of one origin lack what others have written to them.
std::string drop_demands(const Table& table, const std::string& name) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (table.columns[i].not_null && std::ranges::find(table.key, i) == table.key.end())
      text += fmt::format("; ALTER TABLE pg_temp.{} ALTER {} DROP NOT NULL", name, quoted(table.columns[i].name));
  return text;
}

Rows compared_rows(const PGresult* result) {
  Row::Names names;
  for (int column = 0; column < PQnfields(result); ++column) names.emplace_back(PQfname(result, column));
  const auto shared = std::make_shared<const Row::Names>(std::move(names));
  Rows rows;
  for (int row = 0; row < PQntuples(result); ++row) {
    Fields fields;
    for (int column = 0; column < PQnfields(result); ++column) {
      fields.push_back(PQgetisnull(result, row, column) != 0
                           ? Field()
                           : Field(std::in_place, PQgetvalue(result, row, column),
                                   static_cast<std::size_t>(PQgetlength(result, row, column))));
    }
    rows.emplace_back(shared, std::move(fields));
  }
  return rows;
}

// What a target demands of rows that others, or defaults, complete is not demanded of a stand-in. The default's own
// value would be another one anyway, and would draw from a sequence of the target's.
std::string create(const Pair& pair) {
  auto text = fmt::format("CREATE TEMPORARY TABLE {} (LIKE {})", pair.name, pair.target->sql_name);
  for (std::size_t i = 0; i < pair.target->columns.size(); ++i) {
    const auto& column = pair.target->columns[i];
    const bool in_key = std::ranges::find(pair.target->key, i) != pair.target->key.end();
    if (column.not_null && !in_key && (column.has_default || column.generated || column.identity_always))
      text += fmt::format("; ALTER TABLE pg_temp.{} ALTER {} DROP NOT NULL", pair.name, quoted(column.name));
  }
  return text;
}

std::string column_names(const Table& table, const std::vector<std::uint16_t>& columns) {
  std::vector<std::string> out;
  for (const auto column : columns) out.push_back(quoted(table.columns[column].name));
  return fmt::format("{}", fmt::join(out, ", "));
}

// Both sides as texts, grouped by key: equal rows fall into one group with as many of one side as of the other. Without
// a key all columns are the key.
std::string difference(const Pair& pair, const std::vector<std::uint16_t>& key,
                       const std::vector<std::uint16_t>& values, std::size_t at_most) {
  const auto& table = *pair.target;
  return fmt::format(
      "WITH sides AS ("
      "SELECT {0} AS key, {1} AS vals, 1 AS expected, 0 AS found FROM pg_temp.{2} "
      "UNION ALL SELECT {0}, {1}, 0, 1 FROM {3}), "
      "different AS (SELECT key, min(vals) AS one, max(vals) AS other, CASE WHEN sum(expected) > sum(found) THEN 'missing' "
      "WHEN sum(expected) < sum(found) THEN 'extra' ELSE 'changed' END AS kind, "
      "greatest(abs(sum(expected) - sum(found)), 1) AS rows FROM sides GROUP BY key "
      "HAVING sum(expected) <> sum(found) OR min(vals) IS DISTINCT FROM max(vals)), "
      "numbered AS (SELECT *, sum(rows) OVER (PARTITION BY kind) AS total, "
      "row_number() OVER (PARTITION BY kind ORDER BY key) AS place FROM different) "
      "SELECT kind, total, array_to_string(key, ', ', 'NULL') AS key, CASE WHEN kind = 'changed' THEN ("
      "SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_subscripts(one, 1) i WHERE one[i] IS DISTINCT FROM other[i]) "
      "END AS columns FROM numbered WHERE place <= {4} ORDER BY kind DESC, place",
      text_array(table, key), text_array(table, values), pair.name, table.sql_name, at_most);
}

void read_row(const Row& row, const Table& table, const std::vector<std::uint16_t>& values, TableDifference& out) {
  using Kind = TableDifference::Kind;
  const auto kind = row.text("kind");
  const auto total = row.integer("total");
  TableDifference::Row told;
  told.key = row.text("key");
  if (kind == "missing") {
    out.missing = total;
  } else if (kind == "extra") {
    out.extra = total;
    told.kind = Kind::extra;
  } else if (kind == "unprovable") {
    out.unprovable = total;
    told.kind = Kind::unprovable;
  } else {
    out.changed = total;
    told.kind = Kind::changed;
    const auto places = row.text("columns");
    for (std::size_t at = 0; at < places.size();) {
      const auto end = std::min(places.find(' ', at), places.size());
      const auto place = parse_integer<std::size_t>(std::string_view(places).substr(at, end - at)).value_or(1);
      told.columns += (told.columns.empty() ? "" : ", ") + table.columns[values[place - 1]].name;
      at = end + 1;
    }
  }
  out.rows.push_back(std::move(told));
}

}  // namespace

struct ExpectedTables::State {
  explicit State(const config::Pipeline& of) : pipeline(of) {}

  const config::Pipeline& pipeline;
  WriterSession session;
  std::map<std::uint32_t, Pair> pairs;                                 // by the target's oid
  std::map<std::uint64_t, std::shared_ptr<const Table>> descriptions;  // targets, by version
  bool in_snapshot = false;

  Connection& connection() { return session.connection; }

  // A script of our own, under our own search path.
  Result<Rows> run(const std::string& sql, std::chrono::seconds timeout = compare_step) {
    auto reply = connection().run(sql.c_str(), Clock::now() + timeout);
    if (!reply) return std::unexpected(std::move(reply.error()));
    return reply->rows ? compared_rows(reply->rows.get()) : Rows();
  }

  Result<Rows> ask(std::string_view file, const std::vector<std::optional<std::string>>& values) {
    session.parameters.clear();
    for (const auto& value : values) session.parameters.add_text(value.value_or(""));
    connection().send(session.file(file), session.parameters);
    auto reply = session.answer(compare_step);
    if (!reply) return std::unexpected(std::move(reply.error()));
    return reply->rows ? compared_rows(reply->rows.get()) : Rows();
  }

  Result<void> begin_origin(Pair& pair, int origin);
  Result<void> keep_apart(Pair& pair, const Table& stand_in);
  Result<TableDifference> compare(const Pair& pair, std::size_t at_most);
};

Result<void> ExpectedTables::State::keep_apart(Pair& pair, const Table& stand_in) {
  std::string text = create_origins(pair.name, stand_in) + drop_demands(stand_in, pair.name);
  if (stand_in.is_conditional()) {
    pair.merged = table_of_merged(stand_in, pair.name);
    // Behind the demands, which it would take over.
    text += fmt::format("; CREATE TEMPORARY TABLE {0}_merged (LIKE pg_temp.{0})", pair.name);
  }
  if (auto made = run(text); !made) return std::unexpected(std::move(made.error()));
  const auto version = pair.target->version;
  pair.gone = keyless_table(*pair.target, pair.name + "_gone", version | version_of_gone);
  if (stand_in.guard != Table::none)
    pair.history = keyless_table(*pair.target, pair.name + "_history", version | version_of_history);
  pair.parent_key = pair.target->key.size();
  return {};
}

ExpectedTables::ExpectedTables(const config::Pipeline& pipeline) : state_(std::make_unique<State>(pipeline)) {
  state_->session.schema = pipeline.postgres.schema;
  state_->session.identity.pipeline = pipeline.name;
}

ExpectedTables::~ExpectedTables() = default;

Result<void> ExpectedTables::open() {
  return state_->connection().open(state_->pipeline.postgres.url, "sluice/" + state_->pipeline.name + " verify");
}

DescribedTable ExpectedTables::stand_in(const std::shared_ptr<const Table>& target, bool apart) {
  auto [found, is_new] = state_->pairs.try_emplace(target->oid);
  auto& pair = found->second;
  if (is_new) {
    pair.target = target;
    pair.name = fmt::format("expected_{}", state_->pairs.size());
    pair.written.resize(target->columns.size());
    pair.lacking.resize(target->columns.size());
    if (auto made = state_->run(create(pair)); !made) {
      made.error().message = fmt::format("table {}: {}{}", target->name, made.error().message,
                                         made.error().sqlstate == "42501" ? "; a comparison needs SELECT on it" : "");
      return std::unexpected(std::move(made.error()));
    }
  } else if (pair.target->signature != target->signature) {
    return fail(ErrorClass::stop_service, fmt::format("table {} was altered meanwhile; run it again", target->name));
  }
  auto copy = std::make_shared<Table>(*target);
  copy->sql_name = "pg_temp." + pair.name;
  copy->oid = 0;         // locks by the target's would hold up the service
  copy->shared = false;  // nobody else writes it
  copy->delete_acts = false;
  if (is_new && apart && !target->key.empty())
    if (auto made = state_->keep_apart(pair, *copy); !made) return std::unexpected(std::move(made.error()));
  if (pair.gone)
    for (std::size_t i = 0; i < copy->columns.size(); ++i)
      copy->columns[i].not_null = copy->columns[i].not_null && std::ranges::find(copy->key, i) != copy->key.end();
  if (!target->key.empty() && pair.keys.insert(target->key).second) {
    for (const std::string& name : {pair.name, pair.name + "_merged"}) {
      if (name != pair.name && !pair.merged) continue;
      auto made =
          state_->run(fmt::format("CREATE UNIQUE INDEX ON pg_temp.{} ({}){}", name, column_names(*target, target->key),
                                  target->null_keys ? " NULLS NOT DISTINCT" : ""));
      if (!made) return std::unexpected(std::move(made.error()));
    }
  }
  state_->descriptions[target->version] = target;
  return copy;
}

const Table& ExpectedTables::target_of(const Table& stand_in) const {
  return *state_->descriptions.at(stand_in.version);
}

void ExpectedTables::leave_out(const Table& target) {
  state_->pairs.at(target.oid).uncompared = true;
}

Result<void> ExpectedTables::State::begin_origin(Pair& pair, int origin) {
  if (origin == pair.origin || pair.gone == nullptr) return {};
  auto changed = run(change_origin(pair.name, *pair.target, pair.origin, origin), compare_timeout);
  if (!changed) return std::unexpected(std::move(changed.error()));
  pair.origin = origin;
  return {};
}

Result<void> ExpectedTables::write(Changes changes, int origin) {
  if (changes.tables.empty()) return {};
  std::vector<TableChanges> more;
  for (const auto& changed : changes.tables) {
    auto& pair = state_->pairs.at(target_of(*changed.table).oid);
    if (auto begun = state_->begin_origin(pair, origin); !begun) return begun;
    if (changed.parent) pair.parent_key = changed.parent->key.size();
    if (pair.merged) more.push_back(unconditional(changed, pair.merged));
    if (pair.history) more.push_back(written_rows(changed, pair.history));
    if (pair.gone) {
      auto removed = removed_keys(changes, changed, pair.gone);
      if (!removed.steps.front().rows.empty()) more.push_back(std::move(removed));
    }
    if (std::ranges::any_of(changed.steps, &Step::truncate)) pair.emptied_by.insert(origin);
    pair.note(changes, changed, origin);
  }
  changes.tables.insert(changes.tables.end(), more.begin(), more.end());
  auto& session = state_->session;
  session.send_deallocations();
  if (!state_->in_snapshot) session.connection.send("BEGIN");
  auto written = session.attempt(&changes, {}, compare_step);
  if (written && !state_->in_snapshot) {
    session.connection.commit();
    if (auto done = session.answer(compare_step); !done) written = std::unexpected(std::move(done.error()));
  }
  if (!written && !state_->in_snapshot) session.rollback();
  return written;
}

Result<std::vector<PointerRow>> ExpectedTables::begin_snapshot() {
  if (auto begun = state_->run(begin_compare); !begun) return std::unexpected(std::move(begun.error()));
  state_->in_snapshot = true;
  const auto rows = state_->ask("pointer_select", {state_->pipeline.name, "00000000-0000-0000-0000-000000000000"});
  if (!rows) return std::unexpected(rows.error());
  std::vector<PointerRow> pointers;
  for (const auto& row : *rows) pointers.push_back(to_pointer(row));
  return pointers;
}

Result<std::vector<Offset>> ExpectedTables::unapplied(const PointerRow& pointer) {
  const auto rows = state_->ask("dead_letter_unapplied",
                                {state_->pipeline.name, pointer.at.topic, std::to_string(pointer.at.partition),
                                 std::to_string(pointer.generation), std::to_string(pointer.start)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<Offset> offsets;
  for (const auto& row : *rows) offsets.push_back(row.integer("record_offset"));
  std::ranges::sort(offsets);
  return offsets;
}

Result<TableDifference> ExpectedTables::State::compare(const Pair& pair, std::size_t at_most) {
  const auto& table = *pair.target;
  TableDifference out;
  out.oid = table.oid;
  out.table = table.name;
  std::vector<std::uint16_t> values;
  for (std::uint16_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (pair.written[i] && !(column.has_default && pair.lacking[i]))
      values.push_back(i);
    else
      out.left_out.push_back(column.name);
  }
  const auto& key = table.key.empty() ? values : table.key;
  for (const auto column : key) out.key.push_back(table.columns[column].name);
  const auto count =
      run(pair.gone ? fmt::format("SELECT count(*) AS rows FROM (SELECT DISTINCT {} FROM pg_temp.{}_all) AS keys",
                                  text_array(table, table.key), pair.name)
                    : fmt::format("SELECT count(*) AS rows FROM pg_temp.{}", pair.name),
          compare_timeout);
  if (!count) return std::unexpected(count.error());
  out.expected = count->front().integer("rows");
  OriginComparison by_origin{.table = &table,
                             .name = pair.name,
                             .values = values,
                             .parent_key = pair.parent_key,
                             .emptied_by = {pair.emptied_by.begin(), pair.emptied_by.end()}};
  for (const auto column : values) by_origin.partial.push_back(pair.lacking[column]);
  for (const auto& [origin, columns] : pair.brought)
    for (const auto column : values) by_origin.brings[origin].push_back(columns[column]);
  if (pair.gone)
    if (auto prepared = run(prepare_difference(by_origin), compare_timeout); !prepared)
      return std::unexpected(std::move(prepared.error()));
  const auto rows = run(pair.gone ? difference_by_origin(by_origin, at_most) : difference(pair, key, values, at_most),
                        compare_timeout);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) read_row(row, table, values, out);
  return out;
}

Result<std::vector<TableDifference>> ExpectedTables::compare(std::size_t at_most) {
  std::vector<TableDifference> all;
  for (auto& [oid, pair] : state_->pairs) {
    if (pair.uncompared) continue;
    if (auto put_away = state_->begin_origin(pair, 0); !put_away) return std::unexpected(std::move(put_away.error()));
    auto one = state_->compare(pair, at_most);
    if (!one) {
      one.error().message = fmt::format("table {} cannot be compared: {}", pair.target->name, one.error().message);
      return std::unexpected(std::move(one.error()));
    }
    all.push_back(std::move(*one));
  }
  return all;
}

}  // namespace sluice::sink
