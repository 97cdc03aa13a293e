#include "runtime/pipeline/pause_rules.h"

#include <gtest/gtest.h>

#include "runtime/control/stored_record.h"
#include "runtime/pipeline/table_stats.h"
#include "sink/dead_letters.h"

namespace sluice::runtime {
namespace {

const TopicPartition orders_3{"orders", 3}, items_0{"items", 0};

TEST(PauseRules, a_partition_stands_still_when_any_pause_covers_it_and_the_oldest_says_why) {
  const PauseRules pauses({{"orders/1-3", "index", "ann", {}, {}}, {"all", "move", "bob", {}, {}}});
  EXPECT_EQ(pauses.reason(orders_3, {}), "paused by ann (orders/1,2,3): index");
  EXPECT_EQ(pauses.reason(items_0, {}), "paused by bob: move");
  EXPECT_EQ(PauseRules({}).reason(orders_3, {}), std::nullopt);
}

TEST(PauseRules, a_table_stops_whatever_feeds_it) {
  const PauseRules pauses({{"table public.orders", "", "", {}, {}}});
  EXPECT_EQ(pauses.reason(orders_3, {"public.orders"}), "paused (table public.orders)");
  EXPECT_EQ(pauses.reason(orders_3, {"public.items"}), std::nullopt);
}

TEST(PauseRules, a_target_that_cannot_be_read_pauses_nothing_and_is_named) {
  const PauseRules pauses({{"orders/x", "", "", {}, {}}});
  EXPECT_EQ(pauses.reason(orders_3, {}), std::nullopt);
  EXPECT_EQ(pauses.unreadable(), std::vector<std::string>{"orders/x"});
}

TEST(TableStats, rows_are_counted_by_table_and_topics_by_who_gave_them) {
  auto table = std::make_shared<Table>();
  table->name = "public.orders";
  Changes changes;
  changes.tables.push_back({table, WriteMode::upsert, {}});
  auto& step = changes.tables.back().steps.emplace_back();
  for (std::uint32_t i = 0; i < 3; ++i) step.rows.push_back({0, i, 0, i == 1 ? ChangeKind::remove : ChangeKind::write});
  changes.places = {&orders_3, &orders_3, &orders_3};
  TableStats batch, all;
  batch.add(changes);
  changes.places.back() = &items_0;
  batch.add(changes);
  const auto now = WallClock::now();
  all.add_committed(batch, now);
  all.add_committed(batch, now);
  const auto& counted = all.tables().at("public.orders");
  EXPECT_EQ(counted.written, 8);
  EXPECT_EQ(counted.removed, 4);
  EXPECT_EQ(counted.topics, (std::vector<std::string>{"items", "orders"}));
  EXPECT_EQ(counted.last_commit, now);
  EXPECT_EQ(all.fed_by("items"), std::vector<std::string>{"public.orders"});
  EXPECT_TRUE(all.fed_by("nobody").empty());
}

TEST(StoredRecord, is_the_record_that_it_was) {
  DeadLetterRow row;
  row.at = orders_3;
  row.offset = 7;
  row.timestamp = WallClock::time_point(std::chrono::milliseconds(1700000000456));
  row.key = std::string("k\0", 2);
  row.headers = R"([["trace", "a\"b"], ["trace", null], ["odd", {"base64": "wyg="}], ["empty", ""]])";
  const StoredRecord letter(row);
  const auto& record = letter.record();
  EXPECT_EQ(*record.at, orders_3);
  EXPECT_EQ(record.offset, 7);
  EXPECT_EQ(record.timestamp_ms, 1700000000456);
  EXPECT_EQ(record.key, std::string_view("k\0", 2));
  EXPECT_EQ(record.value, std::nullopt);
  ASSERT_EQ(record.headers.size(), 4u);
  EXPECT_EQ(record.headers[0].name, "trace");
  EXPECT_EQ(record.headers[0].value, "a\"b");
  EXPECT_EQ(record.headers[1].value, std::nullopt);
  EXPECT_EQ(record.headers[2].value, "\303(");
  EXPECT_EQ(record.headers[3].value, "");
}

TEST(StoredRecord, has_every_byte_of_the_names_and_values_of_its_headers) {
  using Plain = std::vector<std::pair<std::string, std::optional<std::string>>>;
  const Plain wanted{{"trace", "a"},
                     {"tr\xff", "b"},
                     {"tr\xff", "\xc3("},
                     {"", ""},
                     {"caf\xc3\xa9", std::nullopt},
                     {"line\nend\"\\", "\x01"},
                     {"\xc3", std::nullopt}};
  std::vector<Header> headers;
  for (const auto& [name, value] : wanted) headers.push_back({.name = name, .value = value});
  for (const bool any_text : {true, false}) {
    std::deque<std::string> texts;
    Plain found;
    for (const auto& one : headers_of(sink::headers_json(headers, any_text), texts))
      found.emplace_back(one.name, one.value ? std::optional(std::string(*one.value)) : std::nullopt);
    EXPECT_EQ(found, wanted) << any_text;
  }
}

}  // namespace
}  // namespace sluice::runtime
