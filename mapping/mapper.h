// Records in, row changes out: decodes an event, finds its route and table, encodes every value in its column's
// form, and folds the change into a batch's ChangeSet. Pure: no I/O, no clock, no log.
//
// One Mapper per lane, used by that lane's thread only; it keeps parse buffers and per-topic caches, nothing of a
// batch. A table that it does not know yet is asked for by name (TableWanted); the caller describes it with set_table()
// and maps the record again.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/equality.h"
#include "base/evolution.h"
#include "base/record.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "mapping/change_set.h"
#include "mapping/source_mark.h"

namespace sluice::mapping {

// The description of a table is needed: see Mapper::set_table.
struct TableWanted {
  const config::Route* route = nullptr;
  std::string table;  // the route's template, filled in

  bool operator==(const TableWanted&) const = default;
};
// A schema of a registry is needed: see Mapper::set_schema.
struct SchemaWanted {
  SchemaName schema;

  bool operator==(const SchemaWanted&) const = default;
};
// Columns that a record needs and its table lacks, where the route lets the table evolve: set_table() once they are
// there.
struct EvolutionWanted {
  TableWanted of;
  Evolution evolution;
  TopicPartition at;  // the record, for the log
  Offset offset = 0;

  // Whichever record needs it.
  bool operator==(const EvolutionWanted& other) const { return of == other.of && evolution == other.evolution; }
};
// A column that the events' schema does not have, where the route stops for that: set_table() once the table, too, does
// without its values.
struct VanishedColumn {
  TableWanted of;
  std::string column;

  bool operator==(const VanishedColumn&) const = default;
};
// Two keys of a record, as its own and its value's, may be one to PostgreSQL although their bytes differ: see
// Mapper::set_equal.
struct EqualityWanted {
  Equality values;

  bool operator==(const EqualityWanted&) const = default;
};
// A fact that mapping needs before it can continue, and that a caller with I/O can look up, or bring about.
using Wanted = std::variant<TableWanted, SchemaWanted, EvolutionWanted, VanishedColumn, EqualityWanted>;

// The table of the record is paused.
struct TablePaused {
  std::string table, reason;
};
// No route takes the topic: the subscription and the routes disagree.
struct NoRoute {};

// The reason why a record was not mapped; nothing has changed.
using Blocked = std::variant<Wanted, TablePaused, NoRoute>;

class Mapper {
 public:
  explicit Mapper(std::shared_ptr<const config::Pipeline> pipeline);
  ~Mapper();
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;

  // Maps `record` as the next one of the batch that `set` belongs to. Returns its outcome (applied, skipped or dead);
  // an earlier record that it supersedes becomes folded. A record at fault is a dead letter in the set, never an error
  // here.
  std::expected<Outcome, Blocked> map(const Record& record, ChangeSet& set);

  // The same for a record that was mapped before: a table that was refused is not asked for again.
  std::expected<Outcome, Blocked> map_again(const Record& record, ChangeSet& set);

  // What the record says about its transaction in the source. Blocked only by a schema.
  std::expected<SourceMark, Blocked> source_mark(const Record& record);

  // Sets or replaces the description of a table.
  void set_table(const TableWanted& asked, std::shared_ptr<const Table> table);
  // The table does not exist, and its route lets it be made: the next record of it says of which columns, or does
  // without it. For any other the table is asked for again.
  void set_missing(const TableWanted& asked);
  // Makes records of a table that they name themselves dead letters, until it is asked for again.
  void refuse_table(const TableWanted& asked, std::string sqlstate, std::string reason);
  void ask_again_for_refused();
  // The table cannot have such columns, and no other record's table is at fault for it: records that need just these
  // are dead letters.
  void refuse_evolution(const EvolutionWanted& wanted, std::string sqlstate, std::string reason);
  // Sets a schema, which never changes.
  void set_schema(const SchemaName& name, const RegisteredSchema& schema);
  // The registry does not know the schema: the next record that is mapped, and has it, is a dead letter with this
  // reason.
  void refuse_schema(const SchemaName& name, std::string reason);
  // Values that a type's input refuses are not equal.
  void set_equal(const EqualityWanted& asked, bool equal);
  // Forgets every description: the catalogue may have changed.
  void invalidate_tables();

  // Gives the reason why a table is paused, or nothing. Called once for each table, now or when it first occurs.
  using PausedTable = std::function<std::optional<std::string>(const std::string& table)>;
  void pause_tables(PausedTable paused);

  // Where a route lets its table evolve, a column is also widened for values without a schema: for proposals that
  // people judge, never for what is run by itself. Called before the first map().
  void infer_types();

  // Returns the tables whose descriptions others could contradict: the last record was refused by them, or fields of
  // that record have no column in them. Valid until the next call.
  struct Doubtful {
    std::shared_ptr<const Table> table;
    const config::Route* route = nullptr;
  };
  const std::vector<Doubtful>& doubtful() const;

  // Returns the routes that take a topic, in their order: none the topic of transaction metadata.
  std::vector<const config::Route*> routes(std::string_view topic) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::mapping
