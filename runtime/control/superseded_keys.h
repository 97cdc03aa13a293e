// Finds the dead letters of a partition that later records have superseded: those whose key is written again later in
// the log, up to the position that has been applied.
//
// Made for one partition and one replay, used by its thread. Reads the log with a consumer of its own, once and in
// order. Records that have not taken effect themselves (dead letters) supersede nothing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "listener/reader.h"
#include "runtime/pipeline/record_mapper.h"

namespace sluice::runtime {

// Returns true if one of the tables has a key by which a later record may write the same row.
bool writes_keys(const Changes& changes);
// Of each row in a table with a key: table and key in one. Equal if the keys may be equal in PostgreSQL.
std::vector<std::string> keys_of(const Changes& changes);

class SupersededKeys {
 public:
  SupersededKeys(std::shared_ptr<const config::Pipeline> pipeline, SchemaSource& schemas)
      : pipeline_(std::move(pipeline)), schemas_(schemas) {}
  // Maps the log by these tables, which outlive it and are not altered.
  SupersededKeys(std::shared_ptr<const config::Pipeline> pipeline, SchemaSource& schemas, sink::Tables& tables)
      : pipeline_(std::move(pipeline)), schemas_(schemas), tables_(&tables) {}

  // Adds the keys that a letter writes. Before the first read_to().
  void watch(Offset letter, const Changes& changes);
  bool watches() const { return !keys_.empty(); }
  // Opens the log after the first dead letter.
  Result<void> open(const TopicPartition& at, std::set<Offset> without_effect, Clock::time_point deadline);
  Result<void> read_to(Offset next, Clock::time_point deadline);
  // Returns the last record that wrote one of the dead letter's keys, or emptied its table.
  std::optional<Offset> of(Offset letter) const;
  const std::set<Offset>& without_effect() const { return without_effect_; }

 private:
  void look_at_changes();
  void mark(const std::string& key, Offset by);

  const std::shared_ptr<const config::Pipeline> pipeline_;
  SchemaSource& schemas_;
  sink::Tables* const tables_ = nullptr;  // null: as they are
  std::unique_ptr<RecordMapper> mapper_;
  std::optional<listener::Reader> reader_;
  std::set<Offset> without_effect_;
  std::map<std::string, std::vector<Offset>> keys_;  // letters by table and key; of a table alone: by its name
  std::map<Offset, Offset> superseded_;              // letter, by which offset
  std::vector<Offset> mapped_;                       // offsets of the batch under construction
  std::size_t mapped_bytes_ = 0;
};

}  // namespace sluice::runtime
