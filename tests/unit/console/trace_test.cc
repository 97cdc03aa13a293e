// trace: what is asked of the service, and what is said of what it found, and of what it could not find.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleTrace : public ConsoleTest {
 protected:
  ConsoleTrace() {
    auto& found = admin.found_of_row;
    found.key_columns = {"id"};
    const TopicPartition first{"shop.orders", 0};
    found.read = {{first, 0, 10, 20, {}}, {{"shop.orders", 1}, 5, 5, 9, {}}};
    found.mentions = {{first, 11, {}, "write", true, 0},
                      {first, 12, {}, "delete", true, 0},
                      {first, 15, {}, "write", true, 3},
                      {first, 18, {}, "write", false, 0}};
    found.letters = {{4, first, 2, "decode", "not JSON", {}, true}, {3, first, 15, "write", "not null", {}, false}};
  }
  using Effects = std::vector<std::string>;
  Effects effects() {
    Effects all;
    const auto data = run("trace public.orders 7 --json").data();
    for (const auto& one : data["records"]) all.push_back(one["effect"].get<std::string>());
    return all;
  }
  static bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
};

TEST_F(ConsoleTrace, it_asks_for_the_partitions_that_feed_the_table_with_their_pointers) {
  EXPECT_EQ(run("trace public.order_items 4711 'two words' --records 500").code, Code::done);
  EXPECT_EQ(admin.traced.table, "public.order_items");
  EXPECT_EQ(admin.traced.key, (std::vector<std::string>{"4711", "two words"}));
  EXPECT_EQ(admin.traced.records, 500u);
  ASSERT_EQ(admin.traced.places.size(), 3u);
  EXPECT_EQ(admin.traced.places[2].at.partition, 2);
  EXPECT_EQ(admin.traced.places[2].next, 12'345'680);
}

TEST_F(ConsoleTrace, it_tells_what_wrote_the_row_what_waits_and_which_letters_concern_it) {
  const auto data = run("trace public.orders 7 --json").data();
  EXPECT_EQ(data["records"][0]["effect"], "followed by others");
  EXPECT_EQ(data["records"][1]["effect"], "the last that has taken effect");
  EXPECT_EQ(data["records"][2]["effect"], "dead letter 3, open");
  EXPECT_EQ(data["records"][3]["effect"], "on its way");
  EXPECT_EQ(data["dead_letters"][0]["found_by"], "Kafka key");
  EXPECT_EQ(data["dead_letters"][1]["found_by"], "row");
  EXPECT_EQ(data["read"][0]["whole_log"], false);
  EXPECT_EQ(data["read"][1]["whole_log"], true);
  const auto text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "of shop.orders/0 the last record that has taken effect is 12 (delete)")) << text;
  EXPECT_TRUE(holds(text, "1 record on the way")) << text;
  EXPECT_TRUE(holds(text, "records before those that were read are not known")) << text;
}

TEST_F(ConsoleTrace, it_says_when_it_found_nothing_or_could_not_read_everything) {
  admin.found_of_row = {};
  admin.found_of_row.read = {{{"shop.orders", 0}, 0, 0, 3, "reading takes too long"}};
  admin.found_of_row.letters_left = 12;
  const auto text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "no record that was read and has taken effect names it")) << text;
  EXPECT_TRUE(holds(text, "not everything could be read")) << text;
  EXPECT_TRUE(holds(text, "12 dead letters of these topics not looked at")) << text;
}

TEST_F(ConsoleTrace, a_replayed_letter_has_taken_effect_and_any_other_has_not) {
  auto& found = admin.found_of_row;
  found.letters[1].resolution = "replayed by ann";
  EXPECT_EQ(effects(), (Effects{"followed by others", "followed by others",
                                "dead letter 3: replayed by ann, the last that has taken effect", "on its way"}));
  auto text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "of shop.orders/0 the last record that has taken effect is 15 (write)\n")) << text;
  EXPECT_TRUE(holds(text, "1 record on the way")) << text;
  for (const std::string resolution : {"", "discarded by ann: replayed elsewhere", "resolved"}) {
    found.letters[1].resolution = resolution;
    text = run("trace public.orders 7").out;
    EXPECT_TRUE(holds(text, "the last record that has taken effect is 12 (delete)\n")) << resolution << ": " << text;
    EXPECT_TRUE(holds(text, "1 record on the way")) << resolution << ": " << text;
  }
}

TEST_F(ConsoleTrace, what_was_replayed_may_be_later_than_records_behind_it) {
  auto& found = admin.found_of_row;
  const TopicPartition first{"shop.orders", 0};
  found.mentions[0].letter = 2;
  found.letters.push_back({2, first, 11, "write", "not null", "replayed by ann", false});
  EXPECT_EQ(effects(), (Effects{"dead letter 2: replayed by ann", "perhaps the last that has taken effect",
                                "dead letter 3, open", "on its way"}));
  auto text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 12 (delete), unless dead letter 2 was replayed after it")) << text;
  found.letters[1].resolution = "replayed by bob";
  text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 15 (write), unless dead letter 2 was replayed after it")) << text;
  found.letters.push_back({1, first, 9, "write", "not null", "replayed by ann", false});
  text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 15 (write), unless one of the 2 replayed dead letters was written after it")) << text;
  found.letters.pop_back();
  found.mentions.clear();  // they are older than what was read
  text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text,
                    "of shop.orders/0 no record that was read has taken effect in its turn; "
                    "2 dead letters replayed\n"))
      << text;
  for (auto& letter : found.letters) letter.by_kafka_key = true;  // these name no row
  text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "no record that was read and has taken effect names it")) << text;
}

TEST_F(ConsoleTrace, a_replayed_letter_at_or_behind_the_pointer_is_on_its_way_again) {
  auto& found = admin.found_of_row;
  found.letters[1].resolution = "replayed by ann";
  found.mentions[2].taken = false;
  EXPECT_EQ(effects()[2], "dead letter 3: replayed by ann, on its way again");
  const auto text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 12 (delete), unless dead letter 3 was replayed after it")) << text;
  EXPECT_TRUE(holds(text, "2 records on the way")) << text;
}

TEST_F(ConsoleTrace, the_last_record_may_be_a_letter_that_was_not_looked_at) {
  auto& found = admin.found_of_row;
  found.letters_left = 12;
  auto text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 12 (delete)\n")) << text;  // all 12 are of other records, and not replayed
  found.replayed_left = 2;
  text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 12 (delete), unless one of the dead letters not looked at was replayed after it"))
      << text;
  found.places_left = 2;
  EXPECT_EQ(effects()[1], "perhaps the last that has taken effect");
  text = run("trace public.orders 7").out;
  EXPECT_TRUE(holds(text, "is 12 (delete), unless it is one of the dead letters not looked at, or one of them"))
      << text;
  EXPECT_TRUE(holds(text, "12 dead letters of these topics not looked at")) << text;
}

TEST_F(ConsoleTrace, a_viewer_never_sees_it_and_what_is_not_there_is_refused) {
  EXPECT_EQ(run("trace public.orders").code, Code::not_understood);
  EXPECT_EQ(run("trace public.nosuch 1").code, Code::no_such_thing);
  EXPECT_EQ(admin.notes.size(), 1u);
  login.caller.role = "viewer";
  EXPECT_EQ(run("trace public.orders 7").code, Code::not_allowed);
  EXPECT_TRUE(admin.traced.table.empty());
}

}  // namespace
}  // namespace sluice::console
