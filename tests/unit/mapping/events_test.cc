// Formats, operations and keys, as far as they need no server.
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

auto rows_table() {
  return table({{"id", "int8"}, {"name", "text"}, {"price", "numeric"}});
}

std::string envelope(std::string_view op, std::string_view before, std::string_view after) {
  return fmt::format(R"({{"before":{},"after":{},"source":{{"db":"d","schema":"s","table":"t"}},"op":"{}","ts_ms":1}})",
                     before, after, op);
}

TEST(MappingEvents, a_plain_object_is_written_with_what_it_carries) {
  Fixture fixture(rows_table());
  const Changes changes = fixture.map(
      {{{}, R"({"id":1,"name":"John \"Doe\" é€😀","price":12.50})"}, {{}, R"( {"price":null, "id" : 2} )"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=John \"Doe\" é€😀 price=12.50\nwrite id=2 price=NULL\n");
  EXPECT_EQ(outcomes(changes), "aa");
  EXPECT_EQ(fixture.asked, std::vector<std::string>{"public.target"});
}

TEST(MappingEvents, the_escapes_of_json_are_undone) {
  Fixture fixture(rows_table());
  const Changes changes = fixture.map({{{}, R"({"id":1,"na\u006de":"\u00e9\u20ac\ud83d\ude00\t\/"})"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=é€😀\t/\n");
}

TEST(MappingEvents, connect_json_is_unwrapped_and_its_schema_recognised_again) {
  Fixture fixture(rows_table());
  const std::string schema = R"({"schema":{"type":"struct","fields":[{"type":"int64","field":"id"},)"
                             R"({"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",)"
                             R"("parameters":{"scale":"2"},"field":"price"}]},"payload":)";
  const std::string other = R"({"payload":{"id":3,"name":"x"},"schema":{"type":"struct","fields":[]}})";
  const Changes changes = fixture.map({{{}, schema + R"({"id":1,"price":"BNI="}})"},
                                       {{}, schema + R"({"id":2,"price":"/w=="} } )"},
                                       {{}, other},
                                       {{}, schema + R"({"id":4,"price":"AA=="}})"},
                                       {{}, schema + R"({"id":5,"price":"AA=="},"more":1})"},
                                       {{}, schema + R"({"id":5)"}});
  EXPECT_EQ(text_of(changes),
            "write id=1 price=12.34\nwrite id=2 price=-0.01\nwrite id=3 name=x\nwrite id=4 price=0.00\n");
  EXPECT_EQ(outcomes(changes), "aaaadd");
}

TEST(MappingEvents, an_envelope_writes_after_and_removes_by_its_key) {
  Fixture fixture(rows_table());
  const Changes changes = fixture.map({{{}, envelope("c", "null", R"({"id":1,"name":"a"})")},
                                       {{}, envelope("r", "null", R"({"id":2,"name":"b"})")},
                                       {{}, envelope("u", "null", R"({"id":3,"name":"c"})")},
                                       {{}, envelope("d", R"({"id":4,"name":"d"})", "null")},
                                       {R"({"id":5})", envelope("d", "null", "null")},
                                       {"6", {}},
                                       {{}, envelope("m", "null", "null")},
                                       {{}, envelope("x", "null", "null")}});
  EXPECT_EQ(text_of(changes),
            "write id=1 name=a\nwrite id=2 name=b\nwrite id=3 name=c\nremove id=4\nremove id=5\nremove id=6\n");
  EXPECT_EQ(outcomes(changes), "aaaaaasd");
}

TEST(MappingEvents, a_changed_key_removes_the_old_row) {
  Fixture fixture(rows_table());
  const Changes changes = fixture.map({{{}, envelope("u", R"({"id":1,"name":"a"})", R"({"id":2,"name":"a"})")},
                                       {{}, envelope("u", R"({"id":3,"name":"a"})", R"({"id":3,"name":"b"})")}});
  EXPECT_EQ(text_of(changes), "remove id=1\nwrite id=2 name=a\nwrite id=3 name=b\n");
  EXPECT_EQ(outcomes(changes), "aa");
}

TEST(MappingEvents, a_record_with_two_changes_is_folded_when_both_are_superseded) {
  Fixture fixture(rows_table());
  const std::string moved = envelope("u", R"({"id":1})", R"({"id":2,"name":"a"})");
  EXPECT_EQ(outcomes(fixture.map({{{}, moved}, {{}, R"({"id":2,"name":"b"})"}})), "aa");
  EXPECT_EQ(outcomes(fixture.map({{{}, moved}, {{}, R"({"id":2,"name":"b"})"}, {{}, R"({"id":1})"}})), "faa");
}

TEST(MappingEvents, the_record_key_fills_key_columns_that_the_value_lacks) {
  Fixture fixture(table({{"a", "int4"}, {"b", "text"}, {"v", "text"}}, {0, 1}), {"a", "b"});
  const Changes changes = fixture.map({{R"({"a":1,"b":"x"})", R"({"v":"one"})"},
                                       {R"({"schema":null,"payload":{"a":2,"b":"y"}})", R"({"v":"two"})"},
                                       {R"({"a":3})", R"({"v":"three"})"}});
  EXPECT_EQ(text_of(changes), "write a=1 b=x v=one\nwrite a=2 b=y v=two\n");
  EXPECT_EQ(outcomes(changes), "aad");
  EXPECT_EQ(changes.dead[0].sqlstate, "23502");
}

TEST(MappingEvents, a_scalar_key_may_be_raw_bytes) {
  Fixture fixture(table({{"id", "text"}, {"v", "text"}}));
  const Changes changes =
      fixture.map({{"abc", R"({"v":"1"})"}, {"\"de\"", R"({"v":"2"})"}, {"a\\b\"", {}}, {"77", {}}});
  EXPECT_EQ(text_of(changes), "write id=abc v=1\nwrite id=de v=2\nremove id=a\\b\"\nremove id=77\n");
}

TEST(MappingEvents, a_strict_record_key_decides_over_the_value) {
  Fixture fixture(rows_table());
  fixture.route.key_from = config::KeyFrom::record_key;
  EXPECT_EQ(text_of(fixture.map({{"7", R"({"id":1,"name":"x"})"}})), "write id=7 name=x\n");
  EXPECT_EQ(outcomes(fixture.map({{{}, R"({"id":1})"}})), "d");
}

TEST(MappingEvents, a_record_key_that_says_another_key_than_the_value_is_refused_with_advice) {
  Fixture fixture(rows_table());
  const Changes changes = fixture.map({{"7", R"({"id":1,"name":"x"})"},
                                       {R"({"id":8})", R"({"id":2,"name":"y"})"},
                                       {"customer-3", R"({"id":3,"name":"z"})"},
                                       {"4", envelope("d", R"({"id":5})", "null")},
                                       {R"({"customer":9})", R"({"id":6})"},
                                       {"\"7\"", R"({"id":7.0})"},
                                       {"1", envelope("u", R"({"id":1})", R"({"id":9})")},
                                       {"7", {}}});
  EXPECT_EQ(text_of(changes), "write id=6\nremove id=7\nremove id=1\nwrite id=9\n");
  EXPECT_EQ(outcomes(changes), "ddddafaa");
  ASSERT_EQ(changes.dead.size(), 4u);
  for (const DeadLetter& letter : changes.dead) EXPECT_THAT(letter.reason, testing::HasSubstr("set key_from = "));
  Fixture by_value(rows_table());
  by_value.route.key_from = config::KeyFrom::record_value;
  EXPECT_EQ(text_of(by_value.map({{"7", R"({"id":1})"}})), "write id=1\n");
}

TEST(MappingEvents, an_update_that_changes_the_key_is_refused_where_rows_are_only_updated) {
  Fixture fixture(rows_table());
  fixture.route.mode = WriteMode::update;
  const Changes changes = fixture.map({{{}, envelope("u", R"({"id":1})", R"({"id":2,"name":"a"})")},
                                       {{}, envelope("u", R"({"id":3})", R"({"id":3,"name":"b"})")}});
  EXPECT_EQ(text_of(changes), "write id=3 name=b\n");
  EXPECT_EQ(outcomes(changes), "da");
  EXPECT_THAT(changes.dead[0].reason, testing::HasSubstr("mode = \"upsert\""));
}

TEST(MappingEvents, a_tombstone_is_skipped_where_keys_come_from_values) {
  Fixture fixture(rows_table());
  fixture.route.key_from = config::KeyFrom::record_value;
  const Changes changes = fixture.map({{"1", R"({"id":1})"}, {"1", envelope("d", R"({"id":1})", "null")}, {"1", {}}});
  EXPECT_EQ(text_of(changes), "remove id=1\n");
  EXPECT_EQ(outcomes(changes), "fas");
}

TEST(MappingEvents, deletes_are_skipped_where_the_route_ignores_them) {
  Fixture fixture(rows_table());
  fixture.route.on_delete = config::OnDelete::ignore;
  EXPECT_EQ(outcomes(fixture.map({{"1", R"({"id":1})"}, {"1", envelope("d", R"({"id":1})", "null")}, {"1", {}}})),
            "ass");
}

TEST(MappingEvents, a_delete_without_a_key_is_a_dead_letter) {
  auto keyless = rows_table();
  keyless->key.clear();
  Fixture fixture(keyless, {});
  fixture.route.mode = WriteMode::insert;
  const Changes changes = fixture.map({{"1", R"({"id":1})"}, {"1", R"({"id":1})"}, {"1", {}}});
  EXPECT_EQ(text_of(changes), "write id=1\nwrite id=1\n");
  EXPECT_EQ(outcomes(changes), "aad");
  EXPECT_THAT(changes.dead[0].reason, testing::HasSubstr("a delete needs a key"));
}

TEST(MappingEvents, a_truncate_takes_effect_in_its_place_or_not_at_all) {
  const std::vector<Message> messages = {
      {{}, R"({"id":1})"}, {{}, envelope("t", "null", "null")}, {{}, R"({"id":1,"name":"again"})"}};
  Fixture apply(rows_table());
  apply.route.on_truncate = config::OnTruncate::apply;
  EXPECT_EQ(text_of(apply.map(messages)), "write id=1\nstep\ntruncate\nwrite id=1 name=again\n");
  Fixture ignore(rows_table());
  const Changes changes = ignore.map(messages);
  EXPECT_EQ(text_of(changes), "write id=1 name=again\n");
  EXPECT_EQ(outcomes(changes), "fsa");
}

TEST(MappingEvents, an_unknown_field_is_refused_by_name_or_ignored) {
  Fixture reject(rows_table());
  const Changes changes = reject.map({{{}, R"({"id":1,"not_a_column":2})"}, {{}, R"({"id":2,"name":"kept"})"}});
  EXPECT_EQ(text_of(changes), "write id=2 name=kept\n");
  ASSERT_EQ(changes.dead.size(), 1u);
  EXPECT_EQ(changes.dead[0].sqlstate, "42703");
  EXPECT_EQ(changes.dead[0].stage, Stage::map);
  EXPECT_EQ(changes.dead[0].table, "public.target");
  EXPECT_EQ(changes.dead[0].reason, "value.not_a_column: public.target has no column of that name");
  Fixture ignore(rows_table());
  ignore.route.unknown_fields = config::UnknownFields::ignore;
  EXPECT_EQ(text_of(ignore.map({{{}, R"({"id":1,"not_a_column":2})"}})), "write id=1\n");
}

TEST(MappingEvents, generated_columns_are_left_out) {
  auto target = rows_table();
  target->columns[2].generated = true;
  Fixture fixture(target);
  EXPECT_EQ(text_of(fixture.map({{{}, R"({"id":1,"price":3})"}})), "write id=1\n");
}

TEST(MappingEvents, the_reason_names_path_and_type_and_the_detail_also_the_value) {
  Fixture fixture(rows_table());
  const Changes changes = fixture.map({{{}, envelope("c", "null", R"({"id":1,"price":"abc"})")}});
  ASSERT_EQ(changes.dead.size(), 1u);
  EXPECT_EQ(changes.dead[0].reason, "value.after.price: found a value, expected numeric");
  EXPECT_EQ(changes.dead[0].detail, "value.after.price: found \"abc\", expected numeric");
  EXPECT_EQ(changes.dead[0].sqlstate, "22P02");
}

TEST(MappingEvents, a_byte_order_mark_is_passed_over) {
  Fixture fixture(rows_table());
  EXPECT_EQ(outcomes(fixture.map({{{}, "\xEF\xBB\xBF{\"id\":1}"}})), "a");
}

TEST(MappingEvents, what_is_not_one_json_object_is_a_decode_error) {
  Fixture fixture(rows_table());
  for (const char* value :
       {"", " ", "null", "1", "\"x\"", "[1]", "{\"id\":1", "{\"id\":1}}", "{\"id\":1} {\"id\":2}", "{\"id\":01}",
        "{\"id\":tru}", "{id:1}", "{\"id\":1,}", "{\"id\":1 \"name\":2}", "{\"id\" 1}", "{\"id\":1,\"id\":2}",
        "{\"id\":+1}", "{\"id\":1,\"name\":\"a\nb\"}", "{'id':1}"}) {
    const Changes changes = fixture.map({{{}, value}});
    ASSERT_EQ(outcomes(changes), "d") << value;
    EXPECT_EQ(changes.dead[0].stage, Stage::decode) << value;
    EXPECT_EQ(changes.dead[0].sqlstate, "22032") << value;
    EXPECT_THAT(changes.dead[0].reason, testing::HasSubstr("found")) << value;
  }
  const Changes changes = fixture.map({{{}, "{\"id\":1,\"name\":\"\xC3(\"}"}});
  ASSERT_EQ(changes.dead.size(), 1u);
  EXPECT_EQ(changes.dead[0].sqlstate, "22021");
}

TEST(MappingEvents, a_format_that_is_set_is_insisted_on) {
  Fixture debezium(rows_table());
  debezium.route.format = config::Format::debezium;
  EXPECT_EQ(outcomes(debezium.map({{{}, R"({"id":1})"}, {{}, envelope("c", "null", R"({"id":1})")}, {{}, {}}})), "das");
  Fixture connect(rows_table());
  connect.route.format = config::Format::connect_json;
  EXPECT_EQ(outcomes(connect.map({{{}, R"({"id":1})"}, {{}, R"({"schema":null,"payload":{"id":1}})"}})), "da");
  Fixture json(table({{"id", "int4"}, {"op", "text"}, {"after", "jsonb"}}));
  json.route.format = config::Format::json;
  EXPECT_EQ(text_of(json.map({{{}, R"({"id":1,"op":"c","after":{"id":2}})"}})), "write id=1 op=c after={\"id\":2}\n");
}

TEST(MappingEvents, a_table_is_named_by_topic_captures_and_source) {
  Fixture fixture(rows_table());
  fixture.route.topics = {R"(^shop\.(.*)\.(.*))"};
  fixture.route.table = "{1}.{2}_{source.schema}_{source.table}";
  fixture.route.schemas = {"a"};
  fixture.add({{}, envelope("c", "null", R"({"id":1})")}, "shop.a.b");
  fixture.add({{}, envelope("c", "null", R"({"id":2})")}, "shop.a.b");
  fixture.add({{}, R"({"id":1})"}, "shop.a.b");
  EXPECT_EQ(fixture.asked, std::vector<std::string>{"a.b_s_t"});
  EXPECT_EQ(outcomes(fixture.take()), "aad");
  EXPECT_TRUE(fixture.mapper().routes("other").empty());
  EXPECT_EQ(fixture.mapper().routes("shop.x.y").size(), 1);
}

TEST(MappingEvents, a_record_that_no_route_takes_is_never_skipped) {
  Fixture fixture(rows_table());
  const TopicPartition at{"elsewhere", 0};
  Record record;
  record.at = &at;
  record.value = R"({"id":1})";
  ChangeSet set;
  const auto done = fixture.mapper().map(record, set);
  ASSERT_FALSE(done);
  EXPECT_TRUE(std::holds_alternative<NoRoute>(done.error()));
  EXPECT_EQ(set.records(), 0u);
}

TEST(MappingEvents, a_new_description_counts_from_the_next_record_on) {
  Fixture fixture(table({{"id", "int4"}}));
  fixture.add({{}, R"({"id":1})"});
  fixture.mapper().invalidate_tables();
  fixture.add({{}, R"({"id":2})"});
  EXPECT_EQ(fixture.asked.size(), 2u);
  EXPECT_EQ(text_of(fixture.take()), "write id=1\nwrite id=2\n");
}

TEST(MappingEvents, a_paused_table_stops_its_records_and_no_others) {
  Fixture fixture(rows_table());
  fixture.mapper().pause_tables([](const std::string& table) {
    return table == "public.target" ? std::optional<std::string>("paused by ann") : std::nullopt;
  });
  const TopicPartition at{"events", 0};
  Record record;
  record.at = &at;
  record.value = R"({"id":1})";
  ChangeSet set;
  const auto held = fixture.mapper().map(record, set);
  ASSERT_FALSE(held);
  EXPECT_EQ(std::get<TablePaused>(held.error()).reason, "paused by ann");
  EXPECT_EQ(set.records(), 0u);
  fixture.mapper().pause_tables([](const std::string&) { return std::nullopt; });
  fixture.add({{}, R"({"id":1})"});
  EXPECT_EQ(outcomes(fixture.take()), "a");
}

TEST(MappingEvents, null_is_a_part_of_a_key_exactly_where_the_index_calls_nulls_equal) {
  const std::vector<Message> messages = {{R"({"a":null,"b":"x"})", R"({"v":"1"})"},
                                         {R"({"a":"","b":"x"})", R"({"v":"2"})"},
                                         {R"({"a":null,"b":"x"})", R"({"v":"3"})"},
                                         {R"({"a":"","b":"x"})", {}},
                                         {R"({"b":"x"})", R"({"v":"4"})"}};
  auto target = table({{"a", "text"}, {"b", "text"}, {"v", "text"}}, {0, 1});
  EXPECT_EQ(outcomes(Fixture(target, {"a", "b"}).map(messages)), "dfdad");
  target->null_keys = true;
  const Changes changes = Fixture(target, {"a", "b"}).map(messages);
  EXPECT_EQ(text_of(changes), "write a=NULL b=x v=3\nremove a= b=x\n");
  EXPECT_EQ(outcomes(changes), "ffaad");
}

TEST(MappingEvents, a_single_null_key_is_not_the_empty_text) {
  auto target = table({{"id", "text"}, {"v", "text"}});
  target->null_keys = true;
  EXPECT_EQ(text_of(Fixture(target).map({{{}, R"({"id":null,"v":"1"})"}, {{}, R"({"id":"","v":"2"})"}})),
            "write id=NULL v=1\nwrite id= v=2\n");
}

TEST(MappingEvents, the_place_in_kafka_is_a_key_that_no_delete_names) {
  Fixture fixture(
      table({{"kafka_topic", "text"}, {"kafka_partition", "int4"}, {"kafka_offset", "int8"}, {"v", "text"}}, {0, 1, 2}),
      {"kafka_topic", "kafka_partition", "kafka_offset"});
  fixture.route.key_from = config::KeyFrom::kafka;
  const Changes changes = fixture.map({{"7", R"({"v":"1"})"}, {"7", {}}});
  EXPECT_EQ(text_of(changes), "write kafka_topic=events kafka_partition=0 kafka_offset=0 v=1\n");
  EXPECT_EQ(outcomes(changes), "ad");
}

TEST(MappingEvents, a_value_that_only_the_row_of_the_old_key_has_is_not_lost_silently) {
  Fixture fixture(rows_table());
  const Changes changes =
      fixture.map({{{}, envelope("u", R"({"id":1})", R"({"id":2,"name":"__debezium_unavailable_value"})")},
                   {{}, envelope("u", R"({"id":3})", R"({"id":3,"name":"__debezium_unavailable_value"})")}});
  EXPECT_EQ(text_of(changes), "write id=3\n");
  EXPECT_EQ(outcomes(changes), "da");
  EXPECT_EQ(changes.dead[0].sqlstate, "22004");
}

}  // namespace
}  // namespace sluice::mapping::test
