// The prepared statements of one connection, the least recently used of which make room for new ones.
//
// Belongs to one connection and is used by its thread. A reference that it hands out stays valid until end_exchange():
// no statement is given up while it may be under way. Names begin with a prefix that is random for each connection, so
// that behind a pooler no session's statement is taken for another's. No errors.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "sink/connection.h"
#include "sink/write_plan.h"

namespace sluice::sink {

class StatementCache {
 public:
  static constexpr std::size_t default_capacity = 256;

  explicit StatementCache(std::size_t capacity = default_capacity);

  // Returns the statement under `key`; `make` gives its text once. If every place is taken by the exchange under way,
  // returns a statement that is never prepared.
  Statement& get(const std::string& key, const std::function<std::string()>& make);
  Statement& of(const PlannedWrite& write);

  // Ends the use of everything that was handed out.
  void end_exchange();
  // Drops every statement, at the end of the exchange.
  void retire_all() { retire_all_ = true; }
  // Takes the names that the server still has and that are not used any more.
  std::vector<std::string> take_retired();
  // Forgets everything: the connection is a new one.
  void clear();

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    Statement statement;
    std::uint64_t exchange = 0;  // in which it was last handed out
  };

  bool make_room();
  void retire(const Statement& statement);
  void retire_if_wanted();

  const std::size_t capacity_;
  std::string prefix_;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  std::deque<Statement> unprepared_;
  std::vector<std::string> retired_;
  std::uint64_t named_ = 0;
  std::uint64_t exchange_ = 0;
  bool retire_all_ = false;
};

}  // namespace sluice::sink
