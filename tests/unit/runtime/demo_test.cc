#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/demo/progress.h"
#include "runtime/demo/shop.h"
#include "tests/support/rounds.h"

namespace sluice::runtime::demo {
namespace {

// The rows that the events describe, worked out a second time: JSON in, one event after the other.
class Replay {
 public:
  void apply(const ShopEvent& event) {
    const auto id = nlohmann::json::parse(event.key).at("id").get<std::int64_t>();
    auto& rows = tables_[event.topic];
    if (!event.value) {
      rows.erase(id);
      return;
    }
    const auto value = nlohmann::json::parse(*event.value);
    const bool envelope = value.contains("op");
    if (envelope && value.at("after").is_null()) {
      rows.erase(id);
      return;
    }
    for (const auto& [name, field] : (envelope ? value.at("after") : value).items()) rows[id][name] = text_of(field);
  }
  const auto& rows(const std::string& topic) { return tables_[topic]; }

 private:
  static std::optional<std::string> text_of(const nlohmann::json& value) {
    if (value.is_null()) return std::nullopt;
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  std::map<std::string, std::map<std::int64_t, std::map<std::string, std::optional<std::string>>>> tables_;
};

TEST(Shop, the_models_rows_are_those_that_the_events_leave_when_applied_in_order) {
  Shop shop(7);
  Replay replay;
  const int events = rounds_wanted(20'000);
  for (int i = 0; i < events; ++i) {
    const auto event = shop.next();
    if (!shop.poison().contains({event.topic, event.key})) replay.apply(event);
  }
  for (std::size_t i = 0; i < shop_tables().size(); ++i) {
    const auto& table = shop_tables()[i];
    const auto expected = shop.expected_rows(i);
    const auto& replayed = replay.rows(table.topic);
    ASSERT_EQ(expected.size(), replayed.size());
    for (const auto& row : expected) {
      const auto& found = replayed.at(std::stoll(*row[0]));
      for (const char* name : {"status", "note", "customer", "name", "email"}) {
        const auto column = std::ranges::find(table.columns, name) - table.columns.begin();
        if (column == std::ssize(table.columns)) continue;
        EXPECT_EQ(found.at(name), row[static_cast<std::size_t>(column)]) << name << " of " << *row[0];
      }
    }
  }
}

TEST(Shop, the_same_seed_tells_the_same_story) {
  Shop one(42), other(42);
  for (int i = 0; i < 2000; ++i) {
    const auto left = one.next(), right = other.next();
    ASSERT_EQ(left.key, right.key);
    ASSERT_EQ(left.value, right.value);
  }
}

TEST(Shop, poison_has_keys_of_its_own_and_no_event_exceeds_a_kibibyte) {
  Shop shop(3);
  std::map<std::pair<std::string, std::string>, int> events;
  for (int i = 0; i < 20'000; ++i) {
    const auto event = shop.next();
    ++events[{event.topic, event.key}];
    EXPECT_LT(event.key.size() + event.value.value_or("").size(), 1024u);
  }
  EXPECT_GT(shop.poison().size(), 10u);
  for (const auto& key : shop.poison()) EXPECT_EQ(events[key], 1) << key.second;
}

TEST(DemoScreen, shows_the_state_and_the_lag_of_every_partition) {
  Progress progress;
  progress.produced = 1'234'567;
  PointerRow pointer;
  pointer.at = {"shop.orders", 2};
  pointer.next = 90;
  pointer.counts = {.applied = 88, .dead = 2};
  pointer.state = PartitionState::poison;
  progress.pointers.push_back(pointer);
  progress.ends[pointer.at] = 100;
  const auto screen = render_screen(progress);
  EXPECT_NE(screen.find("1 234 567"), std::string::npos) << screen;
  EXPECT_NE(screen.find("shop.orders/2                  90       10   poison"), std::string::npos) << screen;
  EXPECT_EQ(render_line(progress).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace sluice::runtime::demo
