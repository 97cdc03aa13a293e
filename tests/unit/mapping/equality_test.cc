// Keys of one record whose bytes differ in a column that compares loosely: PostgreSQL is asked, once for each pair.
#include <gmock/gmock.h>

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

// Answers like citext: by the letters without their case.
class Asking {
 public:
  explicit Asking(WriteMode mode = WriteMode::upsert) {
    target->delete_acts = true;
    auto pipeline = std::make_shared<config::Pipeline>();
    config::Route route;
    route.topics = {"events"};
    route.table = "public.target";
    route.key = {"id"};
    route.mode = mode;
    pipeline->routes = {route};
    mapper.emplace(pipeline);
    mapper->set_table({&pipeline->routes[0], "public.target"}, target);
  }

  // The outcome's letter.
  char add(const Message& message, bool again = false) {
    const Record record = record_of(message, at, 0);
    for (int questions = 0; questions < 4; ++questions) {
      const auto done = again ? mapper->map_again(record, set) : mapper->map(record, set);
      if (done) return "afsd"[static_cast<int>(*done)];
      const auto wanted = std::get<EqualityWanted>(std::get<Wanted>(done.error()));
      const auto small = [](std::string text) {
        std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(c | 0x20); });
        return text;
      };
      asked += wanted.values.one + "=" + wanted.values.other + " ";
      if (!again) mapper->set_equal(wanted, small(wanted.values.one) == small(wanted.values.other));
    }
    return '?';
  }

  std::shared_ptr<Table> target = table({{"id", "citext"}, {"v", "text"}});
  std::optional<Mapper> mapper;
  ChangeSet set;
  TopicPartition at{"events", 0};
  std::string asked;
};

std::string respelled(const char* before, const char* after) {
  return fmt::format(R"({{"op":"u","before":{{"id":"{}"}},"after":{{"id":"{}","v":"x"}}}})", before, after);
}

TEST(MappingEquality, postgresql_decides_whether_record_key_and_value_name_one_row) {
  Asking asking;
  EXPECT_EQ(asking.add({R"({"id":"a"})", R"({"id":"a"})"}), 'a');
  EXPECT_EQ(asking.asked, "") << "the same bytes are the same key";
  EXPECT_EQ(asking.add({"B", R"({"id":"b","v":"1"})"}), 'a');
  EXPECT_EQ(asking.add({"c", R"({"id":"d"})"}), 'd');
  EXPECT_EQ(asking.asked, "b=B d=c ");
  EXPECT_EQ(asking.add({"B", R"({"id":"b","v":"2"})"}), 'a') << "an answer is kept";
  EXPECT_EQ(asking.add({"E", R"({"op":"d","before":{"id":"e"},"after":null})"}), 'a');
  EXPECT_EQ(asking.asked, "b=B d=c e=E ");
  const auto changes = asking.set.take();
  EXPECT_EQ(text_of(changes), "write id=a\nwrite id=b v=2\nremove id=e\n");
  EXPECT_EQ(outcomes(changes), "afdaa");
}

TEST(MappingEquality, an_update_that_spells_the_key_anew_removes_nothing_where_a_delete_does_more) {
  Asking asking;
  EXPECT_EQ(asking.add({{}, respelled("a", "A")}), 'a');
  EXPECT_EQ(text_of(asking.set.take()), "write id=A v=x\n");
  EXPECT_EQ(asking.add({"B", respelled("b", "c")}), 'a') << "the record key may be the old one in another spelling";
  EXPECT_EQ(asking.asked, "A=a c=B B=b c=b ");
  Asking updates(WriteMode::update);
  EXPECT_EQ(updates.add({{}, respelled("a", "A")}), 'a');
  EXPECT_EQ(updates.add({{}, respelled("a", "b")}), 'd');
}

TEST(MappingEquality, an_element_may_spell_the_key_of_its_parent_otherwise) {
  auto pipeline = std::make_shared<config::Pipeline>();
  auto& route = pipeline->routes.emplace_back();
  route.topics = {"events"};
  route.table = "posts";
  route.key = {"id"};
  auto& child = route.children.emplace_back();
  child.path = "tags";
  child.table = "tags";
  child.key = {"post", "line"};
  child.fills = {{"post", "$.id"}, {"line", "@index"}};
  Asking asking;
  asking.mapper.emplace(pipeline);
  asking.mapper->set_table({&route, "posts"}, table({{"id", "citext"}}));
  asking.mapper->set_table({&child, "tags"}, table({{"post", "citext"}, {"line", "int4"}, {"v", "text"}}, {0, 1}));
  EXPECT_EQ(asking.add({{}, R"({"id":"a","tags":[{"v":"x"},{"post":"A","v":"y"}]})"}), 'a');
  EXPECT_EQ(asking.add({{}, R"({"id":"b","tags":[{"post":"c"}]})"}), 'd');
  EXPECT_EQ(asking.asked, "A=a c=b ");
  EXPECT_EQ(text_of(asking.set.take()), "write id=a\nwrite post=a line=1 v=x\nwrite post=a line=2 v=y\n");
}

TEST(MappingEquality, a_batch_that_is_taken_apart_asks_nothing) {
  Asking asking;
  const Message message{"A", R"({"id":"a"})"};
  asking.add(message);
  for (int i = 0; i < 70000; ++i) asking.mapper->set_equal({{"t", "=", "", std::to_string(i), ""}}, false);
  asking.asked.clear();
  EXPECT_EQ(asking.add(message, true), 'a');
  EXPECT_EQ(asking.asked, "");
  for (int i = 0; i < 140000; ++i) asking.mapper->set_equal({{"t", "=", "", std::to_string(i), ""}}, false);
  EXPECT_EQ(asking.add(message, true), '?') << "what no batch can need is forgotten";
}

}  // namespace
}  // namespace sluice::mapping::test
