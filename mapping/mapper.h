// Records in, row changes out: decodes an event, finds its route and table, encodes every value in the form its column
// wants, and folds the change into the batch. Pure: no I/O, no clock, no log.
//
// One Mapper per lane, used by that lane's thread only; it keeps parse buffers and per-topic caches. A table that it
// does not know yet is asked for by name (TableWanted); the caller describes it with set_table() and maps the record
// again.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/changes.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::mapping {

// The record cannot be mapped before somebody tells what this table looks like: see Mapper::learn.
struct TableWanted {
  const config::Route* route = nullptr;
  std::string table;  // the route's template, filled in
};

class Mapper {
 public:
  explicit Mapper(std::shared_ptr<const config::Pipeline> pipeline);
  ~Mapper();
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;

  // Maps `record` as the next one of the batch under construction. Its outcome (applied, skipped or dead) is in
  // changes().outcomes; an earlier record that it supersedes becomes folded. A record at fault is a dead letter in
  // changes().dead, never an error here. On TableWanted nothing has changed.
  std::expected<void, TableWanted> add(const Record& record);

  // Tells or replaces the description of a table. Drops what was mapped for an older version only at the next batch.
  void set_table(const TableWanted& asked, std::shared_ptr<const Table> table);
  // Forgets every description: the catalogue may have changed.
  void invalidate_tables();

  const Changes& changes() const;
  // Hands over the batch under construction and begins a new one.
  Changes take();

  // The route of a topic, or null: then the topic is not ours.
  const config::Route* route(std::string_view topic) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::mapping
