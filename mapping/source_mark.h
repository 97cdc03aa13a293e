// What a record says about its transaction in the source: a change event's transaction block, or a record of Debezium's
// transaction metadata topic.
//
// Read by the Mapper (Mapper::source_mark), which knows the formats; pure. Used by a lane's thread to keep source
// transactions whole (runtime/pipeline/source_transactions.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/value.h"

namespace sluice::mapping {

struct SourceMark {
  enum class Kind : std::uint8_t {
    plain,       // of no transaction: a snapshot's row, a tombstone, a heartbeat, the BEGIN of a transaction
    event,       // of the transaction
    end,         // of the transaction, with its counts
    unreadable,  // nobody knows; also an end whose counts do not add up
  };
  Kind kind = Kind::plain;
  std::string transaction = {};
  std::int64_t order = 0;             // of an event among all of its transaction, from 1; 0: not said
  std::int64_t collection_order = 0;  // the same among those of its data collection
  std::int64_t events = 0;            // of an end: how many there are
  std::vector<std::pair<std::string, std::int64_t>> counts = {};  // of an end: by data collection
  bool foreign = false;  // of an event: its topic does not have the name that Debezium makes of the table's
};

// Returns the part of a transaction's id that all its records share. PostgreSQL's are "txid:lsn", where the lsn differs
// from one event to the next; those of other sources are the same in all.
std::string_view shared_part(std::string_view id);

// A topic's name as Debezium makes it of a table's.
std::string as_topic(std::string_view name);

// An event's transaction block; one without an id leaves the mark as it is.
void read_transaction_block(const Value& block, ValueArena& arena, SourceMark& mark);
// A record of the metadata topic.
void read_metadata(std::span<const Field> fields, ValueArena& arena, SourceMark& mark);

}  // namespace sluice::mapping
