// SQL for comparing a table that several topics feed, whose order among each other nobody can repeat: what each topic
// alone makes of it is kept, and a row is right if some order of the topics makes it.
//
// Pure. `name` is that of the temporary table that the rows of one topic are written to; the others are called after
// it: NAME_gone, keys that were removed, and NAME_all and NAME_gone_all, the same of all topics with their numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/changes.h"
#include "base/table.h"

namespace sluice::sink {

// The columns of a row as an array of texts, in which values are compared.
std::string text_array(const Table& table, const std::vector<std::uint16_t>& columns);

std::string create_origins(const std::string& name);
// Puts away what the topic of number `from` has made, and goes on with that of `to`; zero is none.
std::string change_origin(const std::string& name, const Table& table, int from, int to);

struct OriginComparison {
  const Table* table = nullptr;       // the target
  std::string name;                   // of the temporary table
  std::vector<std::uint16_t> values;  // columns that are compared
  std::vector<bool> partial;          // of each of them: some events lack it
  std::size_t parent_key = 0;         // how many columns of the key say whose the row is, all unless it is a child
  bool emptied = false;               // a truncate may have come behind any row
};
// The rows that no order makes, as kind, total, key and the numbers of the columns that differ, `at_most` of each kind.
// A version decides where there is one: of several rows the newest, unless a delete has removed that one before; a
// value that an event lacks may be another topic's.
std::string difference_by_origin(const OriginComparison& of, std::size_t at_most);

// The keys that the changes may remove, as rows of `gone`, which has the table's columns and no key; their cells are
// added to the changes'.
TableChanges removed_keys(Changes& changes, const TableChanges& of, const std::shared_ptr<const Table>& gone);

}  // namespace sluice::sink
