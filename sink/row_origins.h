// SQL for comparing a table that several topics feed, whose order among each other nobody can repeat: what each topic
// alone makes of it is kept, and a row is right if some order of the topics makes it.
//
// An origin is a topic, or a partition of one where a truncate has an order among its partition's records alone.
//
// Pure. `name` is that of the temporary table that the rows of one origin are written to; the others are called after
// it: NAME_gone, keys that were removed, and NAME_all and NAME_gone_all, the same of all origins with their numbers.
// Of a table with a condition there are NAME_merged and NAME_merged_all as well: the rows whether or not they meet it,
// since what an origin's events make of a row alone says nothing of the row that others have written to in between. Of
// one with versions there are NAME_history and NAME_history_all: all rows that were written, as another origin's newer
// one may have come in between, and of older events nothing takes effect.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/changes.h"
#include "base/table.h"

namespace sluice::sink {

// The columns of a row as an array of texts, in which values are compared.
std::string text_array(const Table& table, const std::vector<std::uint16_t>& columns);

// All but NAME and NAME_merged.
std::string create_origins(const std::string& name, const Table& table);
// Puts away what the origin of number `from` has made, and goes on with that of `to`; zero is none.
std::string change_origin(const std::string& name, const Table& table, int from, int to);

struct OriginComparison {
  const Table* table = nullptr;                  // the target
  std::string name;                              // of the temporary table
  std::vector<std::uint16_t> values;             // columns that are compared
  std::vector<bool> partial = {};                // of each of them: some events lack it
  std::map<int, std::vector<bool>> brings = {};  // the same by origin: some event has it
  std::size_t parent_key = 0;        // how many columns of the key say whose the row is, all unless it is a child
  std::vector<int> emptied_by = {};  // origins with a truncate, which may have come behind any row of the others
};
// Puts what difference_by_origin() looks rows up in into tables with indexes.
std::string prepare_difference(const OriginComparison& of);
// The rows that no order makes, as kind, total, key and the numbers of the columns that differ, `at_most` of each kind;
// of kind `unprovable` are those that some order may make, or lack, and none is known to.
// A version decides where there is one: of several rows the newest, unless a delete has removed that one before; a
// value that an event lacks may be another topic's.
std::string difference_by_origin(const OriginComparison& of, std::size_t at_most);

// Descriptions of NAME_gone and NAME_history, which take rows as they come, and of NAME_merged. Statements are kept by
// their versions: each sets a bit that no description's has.
constexpr std::uint64_t version_of_gone = std::uint64_t{1} << 63, version_of_merged = std::uint64_t{1} << 62,
                        version_of_history = std::uint64_t{1} << 61;
std::shared_ptr<const Table> keyless_table(const Table& target, const std::string& name, std::uint64_t version);
std::shared_ptr<const Table> table_of_merged(const Table& stand_in, const std::string& name);

// The same changes without the condition, to NAME_merged.
TableChanges unconditional(const TableChanges& of, const std::shared_ptr<const Table>& merged);

// The keys that the changes may remove, as rows of `gone`, which has the table's columns and no key; their cells are
// added to the changes'.
TableChanges removed_keys(Changes& changes, const TableChanges& of, const std::shared_ptr<const Table>& gone);

// The rows that the changes write, as rows of `history`, which has the table's columns and no key.
TableChanges written_rows(const TableChanges& of, const std::shared_ptr<const Table>& history);

}  // namespace sluice::sink
