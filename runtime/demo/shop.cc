#include "runtime/demo/shop.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::runtime::demo {
namespace {

constexpr std::size_t orders = 0;
constexpr std::size_t live_limit = 20'000;                // rows per table: above it, more is deleted than created
constexpr std::int64_t first_id = 9'007'199'254'740'993;  // 2^53 + 1: exact only without doubles
constexpr std::int64_t first_moment = 1'767'225'600'000'000;

Value null_value() {
  return {std::nullopt, "null", "null"};
}
Value as_is(const std::string& text) {
  return {text, text, text};
}
Value quoted(const std::string& text) {
  return {text, '"' + text + '"', '"' + text + '"'};
}
Value decimal(std::int64_t cents) {
  const std::string text = fmt::format("{}.{:02}", cents / 100, cents % 100);
  return {text, text, '"' + text + '"'};
}
Value boolean(bool yes) {
  return {yes ? "t" : "f", yes ? "true" : "false", yes ? "true" : "false"};
}
Value json(const std::string& text) {
  return as_is(text);
}  // spelled as jsonb prints it

std::string key_of(std::int64_t id) {
  return fmt::format(R"({{"id":{}}})", id);
}

}  // namespace

const std::vector<ShopTable>& shop_tables() {
  static const std::vector<ShopTable> tables = {
      {"orders",
       "shop.orders",
       "create table public.orders (id bigint primary key, customer bigint, status text, "
       "total numeric(12,2) check (total >= 0), items jsonb, note text, placed_at timestamptz)",
       {"id", "customer", "status", "total", "items", "note", "placed_at"},
       "select id, customer, status, total, items, note, "
       "to_char(placed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from public.orders order "
       "by id"},
      {"customers",
       "shop.customers",
       "create table public.customers (id bigint primary key, name text, email text, "
       "credit numeric(12,2) check (credit >= 0), regular boolean, address jsonb)",
       {"id", "name", "email", "credit", "regular", "address"},
       "select id, name, email, credit, regular, address from public.customers order by id"}};
  return tables;
}

Shop::Shop(std::uint64_t seed)
    : random_(seed), state_(shop_tables().size()), next_id_(first_id), clock_(first_moment) {}

ShopEvent Shop::next() {
  if (!pending_.empty()) {
    ShopEvent event = std::move(pending_.front());
    pending_.pop_front();
    return event;
  }
  const auto table = static_cast<std::size_t>(random(3) == 0);  // two orders for each customer
  if (random(500) == 0) return poisoned(table);
  const std::size_t live = row_count(table);
  const auto choice = random(100);
  if (live < 100) return create(table);
  if (choice < (live < live_limit ? 30 : 10)) return create(table);
  if (choice < 65) return update(table);
  if (choice < 85) return partial_update(table);
  return remove(table);
}

std::vector<Shop::Text> Shop::expected_rows(std::size_t table) const {
  std::vector<std::int64_t> ids = state_[table].ids;
  std::ranges::sort(ids);
  std::vector<Text> rows;
  for (const auto id : ids) {
    Text& row = rows.emplace_back();
    for (const auto& value : state_[table].rows.at(id).values) row.push_back(value.text);
  }
  return rows;
}

ShopEvent Shop::create(std::size_t table) {
  const std::int64_t id = next_id_++;
  auto values = fresh(table, id);
  const bool plain = random(2) == 0;
  ShopEvent event{shop_tables()[table].topic, key_of(id),
                  plain ? object(table, values, &Value::json) : envelope(table, 'c', nullptr, &values)};
  TableState& state = state_[table];
  state.rows[id] = {state.ids.size(), std::move(values)};
  state.ids.push_back(id);
  return event;
}

ShopEvent Shop::update(std::size_t table) {
  const std::int64_t id = any_id(table);
  auto values = fresh(table, id);
  auto& row = state_[table].rows.at(id);
  const bool plain = random(2) == 0;
  ShopEvent event{shop_tables()[table].topic, key_of(id),
                  plain ? object(table, values, &Value::json) : envelope(table, 'u', &row.values, &values)};
  row.values = std::move(values);
  return event;
}

// One column besides the id; what the event does not carry stays as it is.
ShopEvent Shop::partial_update(std::size_t table) {
  const std::int64_t id = any_id(table);
  auto& row = state_[table].rows.at(id);
  const auto& columns = shop_tables()[table].columns;
  const auto column = 1 + static_cast<std::size_t>(random(static_cast<std::int64_t>(columns.size()) - 1));
  row.values[column] = fresh_value(table, column);
  return {shop_tables()[table].topic, key_of(id),
          fmt::format(R"({{"id":{},"{}":{}}})", id, columns[column], row.values[column].json)};
}

ShopEvent Shop::remove(std::size_t table) {
  const std::int64_t id = any_id(table);
  const std::string& topic = shop_tables()[table].topic;
  TableState& state = state_[table];
  auto row = state.rows.extract(id);
  const std::size_t place = row.mapped().place;
  state.ids[place] = state.ids.back();
  if (state.ids[place] != id) state.rows.at(state.ids[place]).place = place;
  state.ids.pop_back();
  ShopEvent tombstone{topic, key_of(id), std::nullopt};
  if (random(2) == 0) return tombstone;
  pending_.push_back(tombstone);
  return {topic, key_of(id), envelope(table, 'd', &row.mapped().values, nullptr)};
}

// Four ways to be wrong, each found at another place: decoding, columns, types, and PostgreSQL's own check.
ShopEvent Shop::poisoned(std::size_t table) {
  const std::int64_t id = next_id_++;
  const char* amount = table == orders ? "total" : "credit";
  const std::string values[] = {fmt::format(R"({{"id":{},)", id), fmt::format(R"({{"id":{},"colour":"red"}})", id),
                                fmt::format(R"({{"id":{},"{}":"a lot"}})", id, amount),
                                fmt::format(R"({{"id":{},"{}":-1.00}})", id, amount)};
  ShopEvent event{shop_tables()[table].topic, key_of(id), values[random(std::size(values))]};
  poison_.emplace(event.topic, event.key);
  return event;
}

std::vector<Value> Shop::fresh(std::size_t table, std::int64_t id) {
  std::vector<Value> values{as_is(std::to_string(id))};
  for (std::size_t i = 1; i < shop_tables()[table].columns.size(); ++i) values.push_back(fresh_value(table, i));
  return values;
}

Value Shop::fresh_value(std::size_t table, std::size_t column) {
  static constexpr const char* statuses[] = {"new", "paid", "packed", "sent", "returned"};
  static constexpr const char* goods[] = {"tea", "coffee", "bread", "cheese", "Käse", "寿司"};
  static constexpr const char* names[] = {"Ada", "Edsger", "Grace", "Barbara", "Søren", "Zoë"};
  static constexpr const char* cities[] = {"Oslo", "Bergen", "Köln", "Łódź"};
  const std::string& name = shop_tables()[table].columns[column];
  if (name == "customer") return as_is(std::to_string(first_id + random(1'000'000)));
  if (name == "status") return quoted(statuses[random(std::size(statuses))]);
  if (name == "total" || name == "credit") return decimal(random(1'000'000));
  if (name == "items") {
    return json(fmt::format(R"([{{"sku": "{}", "count": {}}}])", goods[random(std::size(goods))], 1 + random(9)));
  }
  if (name == "note") return random(2) == 0 ? null_value() : quoted(fmt::format("ring {} times", random(10)));
  if (name == "placed_at") {
    clock_ += 1 + random(2'000'000);
    return quoted(fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(clock_ / 1'000'000), clock_ % 1'000'000));
  }
  if (name == "name") return quoted(names[random(std::size(names))]);
  if (name == "email") return quoted(fmt::format("reader{}@example.org", random(1'000'000)));
  if (name == "regular") return random(5) == 0 ? null_value() : boolean(random(2) == 0);
  return json(fmt::format(R"({{"city": "{}", "street": "Canal {}"}})", cities[random(std::size(cities))], random(200)));
}

std::string Shop::object(std::size_t table, const std::vector<Value>& values, std::string Value::* spelling) const {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += fmt::format(R"({}"{}":{})", i == 0 ? '{' : ',', shop_tables()[table].columns[i], values[i].*spelling);
  }
  return text + '}';
}

std::string Shop::envelope(std::size_t table, char operation, const std::vector<Value>* before,
                           const std::vector<Value>* after) {
  const auto side = [&](const std::vector<Value>* values) {
    return values == nullptr ? std::string("null") : object(table, *values, &Value::debezium);
  };
  return fmt::format(R"({{"before":{},"after":{},"source":{{"connector":"postgresql","db":"shop","schema":"public",)"
                     R"("table":"{}"}},"op":"{}","ts_ms":{}}})",
                     side(before), side(after), shop_tables()[table].name, operation, clock_ / 1000);
}

std::int64_t Shop::any_id(std::size_t table) {
  const auto& ids = state_[table].ids;
  return ids[static_cast<std::size_t>(random(static_cast<std::int64_t>(ids.size())))];
}

}  // namespace sluice::runtime::demo
