// A Value's accessors give the same for lazy and for ready values, and nothing else leads to the characters.
#include "base/value.h"

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace sluice {
namespace {

std::string characters(const Value& value) {
  std::string scratch, appended;
  std::string_view text;
  const TextError error = value.characters(scratch, text);
  EXPECT_EQ(value.append_characters(appended), error);
  if (error != TextError::none) return "!" + std::to_string(static_cast<int>(error));
  EXPECT_EQ(appended, text);
  return std::string(text);
}

Value read(std::string_view json) {
  Value value;
  EXPECT_TRUE(read_json(json, value)) << json;
  return value;
}

TEST(Value, escaped_text_gives_its_characters_through_the_accessor_only) {
  EXPECT_EQ(characters(read(R"("plain")")), "plain");
  EXPECT_EQ(characters(read(R"("stra\u00dfe \"x\" \\ \/ \ud83d\ude00")")), "straße \"x\" \\ / 😀");
  EXPECT_EQ(characters(Value::text(R"(not \u0041 escaped)")), R"(not \u0041 escaped)");
  EXPECT_EQ(characters(Value::text({})), "");
  EXPECT_EQ(characters(read(R"("\x")")), "!1");
  EXPECT_EQ(characters(read(R"("\u0000")")), "!2");
  EXPECT_EQ(characters(read(R"("\udc00")")), "!3");
  EXPECT_EQ(characters(read(R"("\ud83d\u0041")")), "!3");
}

TEST(Value, json_is_read_lazily_with_the_kind_of_each_value) {
  EXPECT_EQ(read("null").kind(), ValueKind::null);
  EXPECT_TRUE(read(" true ").is_true());
  EXPECT_FALSE(read("false").is_true());
  EXPECT_EQ(read("-12.50e3").kind(), ValueKind::number_text);
  EXPECT_EQ(read("-12.50e3").digits(), "-12.50e3");
  EXPECT_EQ(read("[1]").kind(), ValueKind::array);
  EXPECT_EQ(read(R"({"a":1})").kind(), ValueKind::structure);
  Value value;
  for (const char* wrong : {"", "01", "1.", "+1", "tru", "\"a", "\"a\nb\"", "[1,]", "{\"a\"}", "{\"a\":1,}", "1 2"}) {
    EXPECT_FALSE(read_json(wrong, value)) << wrong;
  }
}

TEST(Value, a_schema_turns_lazy_values_into_typed_ones_without_a_copy) {
  Value bytes = read(R"("AP8Q")"), slash = read(R"("\/w==")"), wrong = read(R"("A")"), count = read("19782");
  std::string out;
  bytes.become_bytes();
  EXPECT_TRUE(bytes.append_bytes(out));
  EXPECT_EQ(out, std::string("\x00\xFF\x10", 3));
  out.clear();
  slash.become_decimal(4);
  EXPECT_TRUE(slash.append_bytes(out));
  EXPECT_EQ(out, "\xFF");
  EXPECT_EQ(slash.scale(), 4);
  wrong.become_bytes();
  EXPECT_FALSE(wrong.append_bytes(out));
  count.become_temporal(TemporalUnit::date_days);
  EXPECT_EQ(count.kind(), ValueKind::temporal);
  EXPECT_EQ(count.digits(), "19782");
  EXPECT_EQ(Value::temporal(-1, TemporalUnit::time_millis).integer(), -1);
  EXPECT_EQ(Value::bits("\x0A", 4).length(), 4);
}

class EveryPartIsNull : public PartTypes {
 public:
  void refine(std::string_view, Value& part) const override { part = {}; }
};

TEST(Value, nested_values_open_one_level_with_plain_names_and_typed_parts) {
  std::vector<Value> item_space;
  std::vector<Field> member_space;
  ValueArena arena;
  std::span<const Value> items;
  std::span<const Field> members;
  ASSERT_TRUE(read(R"([1, "a", [2]])").items(item_space, items));
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[2].unread_json(), "[2]");
  ASSERT_TRUE(read(R"({"stra\u00dfe": {"x":1}, "b": null})").members(member_space, arena, members));
  ASSERT_NE(find(members, "straße"), nullptr);
  EXPECT_EQ(find(members, "straße")->unread_json(), R"({"x":1})");
  EXPECT_EQ(find(members, R"(stra\u00dfe)"), nullptr);
  Value typed = read("[1,2]");
  const EveryPartIsNull types;
  typed.set_part_types(&types);
  ASSERT_TRUE(typed.items(item_space, items));
  EXPECT_EQ(items[1].kind(), ValueKind::null);
  EXPECT_FALSE(Value::nested_json(ValueKind::array, "[1,[}]").items(item_space, items));
  EXPECT_FALSE(Value::nested_json(ValueKind::structure, R"({"\ud800":1})").members(member_space, arena, members));
}

TEST(Value, ready_parts_lie_in_the_arena_until_it_is_cleared) {
  ValueArena arena;
  std::vector<Value> space;
  std::span<const Value> items;
  for (int round = 0; round < 3; ++round) {
    const auto made = arena.allocate<Value>(2);
    EXPECT_EQ(made[0].kind(), ValueKind::null);
    made[1] = Value::text(arena.keep("kept"));
    ASSERT_TRUE(Value::array(made).items(space, items));
    EXPECT_EQ(characters(items[1]), "kept");
    arena.clear();
  }
}

}  // namespace
}  // namespace sluice
