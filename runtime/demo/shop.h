// The demo's shop: a seeded stream of change events of two tables, and the model of what the tables must hold once all
// of them have taken effect.
//
// Pure: no I/O, no clock. One thread. Events come as plain JSON and as Debezium envelopes, whole and partial, with
// tombstones; a few are poison, each with a key of its own, so that the dead letters are known in advance.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::runtime::demo {

struct ShopEvent {
  std::string topic;
  std::string key;
  std::optional<std::string> value;  // nothing: a tombstone
};

// A column's value as PostgreSQL prints it and as events spell it.
struct Value {
  std::optional<std::string> text;
  std::string json;      // in plain JSON
  std::string debezium;  // in an envelope without schema, where decimals travel as strings
};

struct ShopTable {
  std::string name;  // in schema public
  std::string topic;
  std::string ddl;
  std::vector<std::string> columns;  // id first
  std::string select;                // every column as text, by id: the form of Value::text
};

const std::vector<ShopTable>& shop_tables();

class Shop {
 public:
  explicit Shop(std::uint64_t seed);

  ShopEvent next();

  using Text = std::vector<std::optional<std::string>>;
  // Returns the expected result of `select` of the table with this index.
  std::vector<Text> expected_rows(std::size_t table) const;
  std::size_t row_count(std::size_t table) const { return state_[table].rows.size(); }
  // Topic and key of every dead letter that must exist.
  const std::set<std::pair<std::string, std::string>>& poison() const { return poison_; }

 private:
  struct LiveRow {
    std::size_t place = 0;  // in ids
    std::vector<Value> values;
  };
  struct TableState {
    std::unordered_map<std::int64_t, LiveRow> rows;
    std::vector<std::int64_t> ids;  // of live rows, in no order: for picking one at random
  };

  ShopEvent create(std::size_t table);
  ShopEvent update(std::size_t table);
  ShopEvent partial_update(std::size_t table);
  ShopEvent remove(std::size_t table);
  ShopEvent poisoned(std::size_t table);
  std::vector<Value> fresh(std::size_t table, std::int64_t id);
  Value fresh_value(std::size_t table, std::size_t column);
  std::string object(std::size_t table, const std::vector<Value>& values, std::string Value::* spelling) const;
  std::string envelope(std::size_t table, char operation, const std::vector<Value>* before,
                       const std::vector<Value>* after);
  std::int64_t random(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }
  std::int64_t any_id(std::size_t table);

  std::mt19937_64 random_;
  std::vector<TableState> state_;
  std::deque<ShopEvent> pending_;  // tombstones that follow a Debezium delete
  std::set<std::pair<std::string, std::string>> poison_;
  std::int64_t next_id_;
  std::int64_t clock_;  // microseconds, the shop's own
};

}  // namespace sluice::runtime::demo
