// Elements of arrays that are values, not objects, as rows of tables of children; and elements that carry their
// parent's key.
#include <array>

#include "config/children.h"
#include "tests/support/rounds.h"
#include "tests/unit/mapping/protobuf_support.h"
#include "tests/unit/mapping/several_support.h"

namespace sluice::mapping::test {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

// posts(id, note) with post_tags(post_id, line, tag) of `tags`.
struct Posts : Several {
  explicit Posts(const std::string& tag_type = "text") {
    config::Route& route = add_route("posts", {{"id", "int4"}, {"note", "text"}});
    config::Route& added = route.children.emplace_back();
    added.path = "tags";
    added.table = "post_tags";
    added.key = {"post_id", "line"};
    added.fills = {{"post_id", "$.id"}, {"line", "@index"}, {"tag", "@element"}};
    columns({{"post_id", "int4"}, {"line", "int4"}, {"tag", tag_type}});
  }
  config::Route& route() { return pipeline->routes[0]; }
  config::Route& child() { return route().children[0]; }
  void columns(Columns of, std::vector<std::uint16_t> key = {0, 1}) {
    add_table("post_tags", std::move(of), std::move(key));
  }
  void key_by_tag() {
    child().key = {"post_id", "tag"};
    columns({{"post_id", "int4"}, {"line", "int4"}, {"tag", "text"}}, {0, 2});
  }
  // The rows of children, or why there are none.
  std::string rows(const std::string& value) {
    config::complete_child(child(), route());
    const Changes made = map({{{}, value}});
    if (!made.dead.empty()) return made.dead.front().sqlstate + " " + made.dead.front().whole();
    std::string text;
    for (const auto& one : made.tables)
      for (const auto& step : one.steps)
        for (const auto& row : step.rows)
          if (one.parent != nullptr) text += row_text(made, *one.table, row) + "\n";
    return text;
  }
};

TEST(MappingChildElements, values_become_rows_with_the_parents_key_and_their_number) {
  EXPECT_EQ(Posts().rows(R"({"id":1,"tags":["a","b\n","a"]})"),
            "post_id=1 line=1 tag=a\npost_id=1 line=2 tag=b\n\npost_id=1 line=3 tag=a\n");
  EXPECT_EQ(Posts("int8").rows(R"({"id":1,"tags":[7,"8"]})"), "post_id=1 line=1 tag=7\npost_id=1 line=2 tag=8\n");
  EXPECT_EQ(
      Posts("jsonb").rows(R"({"id":1,"tags":["a",7,true,[1]]})"),
      "post_id=1 line=1 tag=\"a\"\npost_id=1 line=2 tag=7\npost_id=1 line=3 tag=true\npost_id=1 line=4 tag=[1]\n");
}

TEST(MappingChildElements, a_null_is_null_and_no_part_of_a_key) {
  EXPECT_EQ(Posts().rows(R"({"id":1,"tags":[null,"b"]})"), "post_id=1 line=1 tag=NULL\npost_id=1 line=2 tag=b\n");
  Posts by_tag;
  by_tag.key_by_tag();
  EXPECT_EQ(by_tag.rows(R"({"id":1,"tags":["b",null]})"), "23502 value.tags[2]: found null, expected the key's value");
}

TEST(MappingChildElements, a_value_that_is_part_of_the_key_is_there_once) {
  Posts by_tag;
  by_tag.key_by_tag();
  EXPECT_EQ(by_tag.rows(R"({"id":1,"tags":["a","b"]})"), "post_id=1 line=1 tag=a\npost_id=1 line=2 tag=b\n");
  EXPECT_EQ(by_tag.rows(R"({"id":1,"tags":["a","b","a"]})"),
            "23505 value.tags[3]: found the key of [1] again, expected another one for each element");
}

TEST(MappingChildElements, a_value_that_does_not_fit_is_refused_with_its_place) {
  EXPECT_THAT(Posts("int4").rows(R"({"id":1,"tags":[7,"many"]})"), testing::StartsWith("22P02 value.tags[2]: found "));
  EXPECT_THAT(Posts("int4").rows(R"({"id":1,"tags":[9999999999]})"),
              testing::StartsWith("22003 value.tags[1]: found 9999999999, expected"));
}

TEST(MappingChildElements, without_their_column_values_are_refused) {
  for (const char* element : {"\"a\"", "7", "null", "[1]"}) {
    Posts objects;
    objects.child().fills.erase("tag");
    EXPECT_THAT(objects.rows(fmt::format(R"({{"id":1,"tags":[{{"tag":"x"}},{}]}})", element)),
                testing::AllOf(testing::StartsWith("22023 value.tags[2]: found "),
                               testing::HasSubstr("expected an object; where elements are values, give a column "
                                                  "\"@element\" in columns of the route's child")));
  }
}

TEST(MappingChildElements, an_object_lands_as_json_whatever_its_fields_are_called) {
  for (const char* type : {"text", "jsonb"}) {
    EXPECT_EQ(Posts(type).rows(R"({"id":1,"tags":[{"tag":"x","line":9,"post_id":8,"more":null},7]})"),
              "post_id=1 line=1 tag={\"tag\":\"x\",\"line\":9,\"post_id\":8,\"more\":null}\npost_id=1 line=2 tag=7\n");
  }
  EXPECT_THAT(Posts("int4").rows(R"({"id":1,"tags":[{"a":1}]})"), testing::HasSubstr("value.tags[1]: found {\"a\":1}"));
}

TEST(MappingChildElements, a_field_of_an_object_fills_its_column_beside_the_whole) {
  Posts posts;
  posts.columns({{"post_id", "int4"}, {"sku", "int4"}, {"n", "int4"}, {"tag", "jsonb"}}, {0, 1});
  posts.child().key = {"post_id", "sku"};
  posts.child().fills = {{"post_id", "$.id"}, {"tag", "@element"}, {"n", "count"}};
  EXPECT_EQ(posts.rows(R"({"id":1,"tags":[{"sku":5,"count":2,"x":0}]})"),
            "post_id=1 sku=5 n=2 tag={\"sku\":5,\"count\":2,\"x\":0}\n");
  EXPECT_EQ(posts.rows(R"({"id":1,"tags":[7]})"),
            "23502 value.tags[1].sku: found no such field, expected the key's value");
}

TEST(MappingChildElements, arrays_of_change_events_are_taken_with_what_connect_says_of_their_type) {
  const auto event = [](const std::string& tags) {
    return fmt::format(R"({{"op":"c","before":null,"after":{{"id":1,"tags":{}}}}})", tags);
  };
  EXPECT_EQ(Posts().rows(event(R"(["a",null])")), "post_id=1 line=1 tag=a\npost_id=1 line=2 tag=NULL\n");
  EXPECT_EQ(Posts().rows(event(R"(["__debezium_unavailable_value"])")), "") << "unchanged";
  EXPECT_EQ(Posts("jsonb").rows(event(R"("[\"a\",{\"b\":\"c\"}]")")),
            "post_id=1 line=1 tag=\"a\"\npost_id=1 line=2 tag={\"b\":\"c\"}\n")
      << "of a jsonb column, in which a string is a string";
  EXPECT_EQ(Posts("jsonb").rows(event(R"(["{\"b\":1}"])")), "post_id=1 line=1 tag={\"b\":1}\n") << "of jsonb[]";
  EXPECT_EQ(Posts("date").rows(R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"tags",
      "type":"array","items":{"type":"int32","name":"io.debezium.time.Date"}}]},"payload":{"id":1,"tags":[19723]}})"),
            Posts("date").rows(R"({"id":1,"tags":["2024-01-01"]})"));
}

TEST(MappingChildElements, strings_within_a_json_column_are_no_json_for_columns_of_the_elements_either) {
  Posts posts;
  posts.child().fills.erase("tag");
  posts.columns({{"post_id", "int4"}, {"line", "int4"}, {"doc", "jsonb"}});
  EXPECT_EQ(posts.rows(R"({"op":"c","before":null,"after":{"id":1,"tags":"[{\"doc\":\"a\"}]"}})"),
            "post_id=1 line=1 doc=\"a\"\n");
}

TEST(MappingChildElements, arrays_of_avro_and_repeated_fields_of_protobuf_are_taken) {
  Posts avro;
  avro.pipeline->registry.url = Secret("http://registry");
  avro.schemas["7"] = {SchemaKind::avro,
                       record({{"id", R"("int")"}, {"tags", R"({"type":"array","items":["null","string"]})"}})};
  EXPECT_EQ(avro.rows(frame(7, number(1) + number(2) + number(1) + text("a") + number(0) + number(0))),
            "post_id=1 line=1 tag=a\npost_id=1 line=2 tag=NULL\n");
  Posts protobuf("int8");
  protobuf.pipeline->registry.url = Secret("http://registry");
  const std::string file = R"(syntax = "proto3"; message Row { int32 id = 1; repeated int64 tags = 2; })";
  protobuf.schemas["7"] = {SchemaKind::protobuf, file};
  Proto messages;
  messages.add(file);
  EXPECT_EQ(protobuf.rows(frame(7, first_message + messages.bytes("Row", "id: 1 tags: 5 tags: -6"))),
            "post_id=1 line=1 tag=5\npost_id=1 line=2 tag=-6\n");
}

TEST(MappingChildElements, elements_may_carry_what_their_parent_says) {
  Posts posts;
  posts.columns({{"post_id", "int4"}, {"line", "int4"}, {"note", "text"}, {"price", "numeric"}, {"n", "int4"}});
  posts.child().fills = {{"post_id", "$.id"}, {"line", "@index"}, {"note", "$.note"}, {"price", "$.price"}};
  posts.route().unknown_fields = config::UnknownFields::ignore;
  EXPECT_EQ(posts.rows(R"({"id":1,"note":null,"price":1.50,"tags":[{"post_id":1,"n":5},{"post_id":"1","note":null},
                           {"price":1.5}]})"),
            "post_id=1 line=1 note=NULL price=1.50 n=5\npost_id=1 line=2 note=NULL price=1.50\n"
            "post_id=1 line=3 note=NULL price=1.50\n");
  EXPECT_EQ(posts.rows(R"({"id":1,"tags":[{"post_id":1},{"post_id":2}]})"),
            "22023 value.tags[2].post_id: found 2, expected the value of $.id of the parent, which fills the column "
            "post_id; give the element's field a column of another name in columns of the route's child");
  for (const char* wrong : {R"("post_id":null)", R"("note":"y")", R"("note":null)", R"("price":2)"})
    EXPECT_THAT(posts.rows(fmt::format(R"({{"id":1,"note":"x","price":1,"tags":[{{}},{{{}}}]}})", wrong)),
                testing::StartsWith("22023 value.tags[2]."))
        << wrong;
  EXPECT_THAT(posts.rows(R"({"id":1,"tags":[{"note":"x"}]})"), testing::StartsWith("22023 value.tags[1].note"))
      << "the parent has none";
  EXPECT_THAT(posts.rows(R"({"id":1,"tags":[{"post_id":"x"}]})"), testing::StartsWith("22P02 value.tags[1].post_id"));
  EXPECT_THAT(posts.rows(R"({"id":1,"tags":[{"line":1}]})"), testing::StartsWith("42701 value.tags[1].line"))
      << "a number is nothing that a parent says";
}

TEST(MappingChildElements, what_elements_say_again_takes_no_room) {
  Posts posts;
  posts.columns({{"post_id", "int4"}, {"line", "int4"}, {"note", "text"}});
  posts.child().fills = {{"post_id", "$.id"}, {"line", "@index"}, {"note", "$.note"}};
  config::complete_child(posts.child(), posts.route());
  const std::string note(10000, 'x');
  const std::string element = fmt::format(R"({{"post_id":1,"note":"{}"}})", note);
  const Changes made =
      posts.map({{{}, fmt::format(R"({{"id":1,"note":"{}","tags":[{},{},{}]}})", note, element, element, element)}});
  ASSERT_EQ(outcomes(made), "a");
  EXPECT_LT(made.arena.size(), 21000u) << "the parent's, and one for the children";
}

// Random arrays of texts, and the rows that the last one of each parent leaves.
struct Arrays {
  std::uint32_t seed;
  std::map<std::uint32_t, std::vector<std::string>> left = {};

  std::uint32_t next(std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
  }
  Message event() {
    const auto id = next(4), what = next(8);
    if (what == 0) {
      left.erase(id);
      return {fmt::format(R"({{"id":{}}})", id), {}};
    }
    if (what == 1) return {{}, fmt::format(R"({{"id":{},"note":"n"}})", id)};
    auto& tags = left[id];
    tags.clear();
    std::string text;
    constexpr std::array of = {"a", "b", "c", "d", "e"};
    for (const char* tag : of) {
      if (next(2) == 0) continue;
      tags.emplace_back(tag);
      text += fmt::format(R"({}"{}")", text.empty() ? "" : ",", tag);
    }
    return {{}, fmt::format(R"({{"id":{},"tags":[{}]}})", id, text)};
  }
  std::vector<std::string> rows() const {
    std::vector<std::string> all;
    for (const auto& [id, tags] : left)
      for (std::size_t n = 0; n < tags.size(); ++n) all.push_back(fmt::format("{} {} {}", id, n + 1, tags[n]));
    return all;
  }
};

TEST(MappingChildElements, the_rows_are_those_of_the_last_arrays_however_a_batch_is_cut) {
  const int rounds = rounds_wanted(300);
  std::size_t seen = 0;
  for (int round = 0; round < rounds; ++round) {
    Arrays arrays{static_cast<std::uint32_t>(round)};
    std::vector<Message> messages;
    for (int n = 0; n < 20; ++n) messages.push_back(arrays.event());
    for (const bool by_tag : {false, true}) {
      for (const std::uint32_t one_in : {1U, 3U, 1000U}) {
        Posts posts;
        if (by_tag) posts.key_by_tag();
        config::complete_child(posts.child(), posts.route());
        Rows children;
        const auto take = [&] {
          const Changes made = posts.take();
          for (const TableChanges& one : made.tables)
            if (one.parent != nullptr) take_effect(made, one, children);
        };
        for (const Message& message : messages) {
          posts.add(message);
          if (arrays.next(one_in) == 0) take();
        }
        take();
        std::vector<std::string> found;
        for (const auto& [key, row] : children)
          found.push_back(fmt::format("{} {} {}", row.at("post_id"), row.at("line"), row.at("tag")));
        std::ranges::sort(found);
        ASSERT_EQ(found, arrays.rows()) << "round " << round << ", " << by_tag << ", one in " << one_in;
        seen += found.size();
      }
    }
  }
  EXPECT_GT(seen, static_cast<std::size_t>(rounds));
}

}  // namespace
}  // namespace sluice::mapping::test
