// Policies of values, versions and marks together with columns that a route renames or adds, rows in columns, schemas.
#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// id, a, v (the version), gone (the mark), off (an added column).
struct History : Fixture {
  explicit History(bool soft = true) : Fixture(described(soft)) {
    route.version = config::VersionPath::parse("v");
    if (soft) route.on_delete = {config::OnDelete::soft, "gone"};
    route.columns.add = {{"off", "@offset"}};
  }

  static std::shared_ptr<Table> described(bool soft) {
    auto made = table({{"id", "int4"}, {"a", "text"}, {"v", "int8"}, {"gone", "bool"}, {"off", "int8"}});
    made->guard = 2;
    if (soft) made->marker = 3;
    return made;
  }

  std::string changes(const std::vector<Message>& messages) {
    const Changes made = map(messages);
    return outcomes(made) + "\n" + text_of(made);
  }
};

Message changed(char op, const std::string& before, const std::string& after) {
  return {{}, fmt::format(R"({{"op":"{}","before":{},"after":{}}})", op, before, after)};
}

std::string uses(const Changes& changes) {
  std::string text;
  for (const PolicyUse& use : changes.policy_uses)
    text += fmt::format("{}:{} ", use.column, value_policy_names.at(static_cast<std::size_t>(use.policy)));
  return text;
}

TEST(MappingTogether, a_row_that_is_marked_gets_the_added_columns_and_one_that_is_removed_needs_none) {
  EXPECT_EQ(History().changes({changed('d', R"({"id":1,"v":5})", "null")}), "a\nmark id=1 v=5 gone=true off=0\n");
  EXPECT_EQ(History(false).changes({changed('d', R"({"id":1,"v":5})", "null")}), "a\nremove id=1 v=5\n");
}

TEST(MappingTogether, the_row_of_a_key_before_is_marked_with_the_version_and_the_added_columns_of_the_change) {
  EXPECT_EQ(History().changes({changed('u', R"({"id":1})", R"({"id":2,"a":"x","v":5})")}),
            "a\nmark id=1 v=5 gone=true off=0\nwrite id=2 a=x v=5 gone=false off=0\n");
}

TEST(MappingTogether, a_changed_key_with_a_placeholder_is_refused_before_anything_is_marked) {
  EXPECT_EQ(History().changes({changed('u', R"({"id":1})", R"({"id":2,"a":"__debezium_unavailable_value","v":5})")}),
            "d\n");
}

TEST(MappingTogether, a_version_is_found_in_the_field_that_its_column_is_renamed_from_in_deletes_too) {
  History renamed(false);
  renamed.route.columns.rename = {{"ts", "v"}};
  EXPECT_EQ(renamed.changes({changed('c', "null", R"({"id":1,"a":"x","ts":5})"),
                             changed('d', R"({"id":1,"ts":4})", "null"), changed('d', R"({"id":1,"ts":6})", "null")}),
            "fsa\nremove id=1 v=6\n");
}

TEST(MappingTogether, a_tombstone_has_no_version_where_an_added_column_takes_it_from_the_source) {
  History history;
  history.route.version = config::VersionPath::parse("@source.v");
  history.route.columns.add = {{"v", "@source.v"}};
  const std::string write = R"({"op":"c","before":null,"after":{"id":1,"a":"x"},"source":{"v":5}})";
  EXPECT_EQ(history.changes({{R"({"id":1})", write}, {R"({"id":1})", {}}}),
            "aa\nwrite id=1 a=x v=5 gone=false\nstep\nmark id=1 gone=true\n");
}

TEST(MappingTogether, a_version_is_never_changed_by_a_policy) {
  const auto made = [](const std::string& type, const ValuePolicies& policies, const std::string& value) {
    auto target = table({{"id", "int4"}, {"v", type}, {"gone", "bool"}});
    if (type == "varchar") target->columns[1].modifier = 2 + 4;
    target->guard = 1;
    target->marker = 2;
    Fixture fixture(target);
    fixture.route.version = config::VersionPath::parse("v");
    fixture.route.on_delete = {config::OnDelete::soft, "gone"};
    fixture.route.values = policies;
    const std::string row = fmt::format(R"({{"id":1,"v":{}}})", value);
    const Changes changes = fixture.map({{{}, row}, changed('d', row, "null")});
    std::string text = text_of(changes) + uses(changes);
    for (const auto& letter : changes.dead) text += letter.sqlstate + " ";
    return text;
  };
  EXPECT_EQ(made("int2", {.out_of_range = RangePolicy::clamp}, "40000"), "22003 22003 ");
  EXPECT_EQ(made("int2", {.out_of_range = RangePolicy::null}, "40000"), "22003 22003 ");
  EXPECT_EQ(made("varchar", {.too_long = LengthPolicy::truncate}, R"("abc")"), "write id=1 v=abc gone=true\n")
      << "which PostgreSQL refuses";
  EXPECT_EQ(made("text", {.nul = NulPolicy::strip}, R"("a\u0000")"), "22P05 22P05 ");
  EXPECT_EQ(made("text", {.utf8 = Utf8Policy::replace}, "\"a\xff\""), "22021 22021 ");
  EXPECT_EQ(made("date", {.time_unit = TimeUnit::seconds}, "86400"),
            "write id=1 v=1970-01-02 gone=true\n1:time_unit 1:time_unit ")
      << "without a unit a count is no version at all";
}

TEST(MappingTogether, policies_hold_for_added_columns_and_are_counted) {
  const auto add = [](const ValuePolicies& policies, const std::string& header) {
    Fixture fixture(table({{"id", "int4"}, {"h", "varchar"}}));
    fixture.route.values = policies;
    fixture.route.columns.add = {{"h", "header:x"}};
    const Changes made = fixture.map({{{}, R"({"id":1})", {{"x", header}}}});
    return made.dead.empty() ? text_of(made) + uses(made) : made.dead.front().sqlstate;
  };
  const std::string nul("a\0b", 3);
  EXPECT_EQ(add({}, nul), "22P05");
  EXPECT_EQ(add({.nul = NulPolicy::strip}, nul), "write id=1 h=ab\n1:nul ");
  EXPECT_EQ(add({.nul = NulPolicy::strip}, "a\xff"), "22021");
  EXPECT_EQ(add({.utf8 = Utf8Policy::replace}, "a\xff"), fmt::format("write id=1 h=a{}\n1:utf8 ", replacement));
  EXPECT_EQ(add({.utf8 = Utf8Policy::replace}, "a"), "write id=1 h=a\n");
}

TEST(MappingTogether, an_added_column_of_the_key_is_never_changed) {
  Fixture fixture(table({{"id", "int4"}, {"h", "text"}}, {0, 1}), {"id", "h"});
  fixture.route.values = {.nul = NulPolicy::strip, .utf8 = Utf8Policy::replace};
  fixture.route.columns.add = {{"h", "header:x"}};
  const Changes made = fixture.map({{{}, R"({"id":1})", {{"x", "a\xff"}}}, {{}, R"({"id":2})", {{"x", "b"}}}});
  EXPECT_EQ(outcomes(made), "da");
  EXPECT_EQ(made.dead.front().sqlstate, "22021");
}

TEST(MappingTogether, the_fields_of_a_composite_type_follow_the_policies_one_by_one) {
  const auto row = [](const ValuePolicies& policies, const std::string& json) {
    auto target = table({{"id", "int4"}, {"v", "composite"}});
    Column text = column("t", "varchar");
    text.modifier = 2 + 4;
    target->columns[1].fields = {text, column("n", "int2"), column("d", "date"), column("ns", "int2[]")};
    Fixture fixture(target);
    fixture.route.values = policies;
    const Changes made = fixture.map({{{}, fmt::format(R"({{"id":1,"v":{}}})", json)}});
    return made.dead.empty() ? text_of(made).substr(std::string("write id=1 v=").size()) + uses(made)
                             : made.dead.front().sqlstate;
  };
  EXPECT_EQ(row({.nul = NulPolicy::strip}, R"({"t":"a\u0000"})"), "(\"a\",,,)\n1:nul ");
  EXPECT_EQ(row({.too_long = LengthPolicy::truncate}, R"({"t":"abc"})"), "(\"ab\",,,)\n1:too_long ");
  EXPECT_EQ(row({.out_of_range = RangePolicy::null}, R"({"t":"a","n":40000})"), "(\"a\",,,)\n1:out_of_range ");
  EXPECT_EQ(row({.out_of_range = RangePolicy::clamp}, R"({"n":-40000,"ns":[1,40000]})"),
            "(,\"-32768\",,\"{\\\"1\\\",\\\"32767\\\"}\")\n1:out_of_range ");
  EXPECT_EQ(row({.time_unit = TimeUnit::seconds}, R"({"d":86400})"), "(,,\"1970-01-02\",)\n1:time_unit ");
}

TEST(MappingTogether, texts_of_avro_that_are_not_utf_8_are_replaced_and_the_frame_stays_as_it_is) {
  const std::string schema = record(
      {{"id", R"("string")"}, {"v", R"("string")"}, {"b", R"("bytes")"}, {"m", R"({"type":"map","values":"string"})"}});
  const auto datum = [](std::string_view id, std::string_view v, std::string_view name) {
    return text(id) + text(v) + text("\xff\xfe") + number(1) + text(name) + text("x") + number(0);
  };
  const auto target = table({{"id", "text"}, {"v", "text"}, {"b", "bytea"}, {"m", "jsonb"}});
  EXPECT_TRUE(AvroFixture(target, schema).row(datum("1", "a\xff", "k")).starts_with("22021 value: "));
  AvroFixture fixture(target, schema);
  fixture.route.values.utf8 = Utf8Policy::replace;
  EXPECT_EQ(fixture.row(datum("1", "a", "k")), "write id=1 v=a b=fffe m={\"k\":\"x\"}\n");
  EXPECT_EQ(fixture.row(datum("1", "a\xff", "k\xc3")),
            fmt::format("write id=1 v=a{0} b=fffe m={{\"k{0}\":\"x\"}}\n", replacement));
  EXPECT_TRUE(fixture.row(datum("\xff", "a", "k")).starts_with("22021 "));
  fixture.add({{}, frame(7, datum("1", "\xff", "k"))});
  EXPECT_EQ(uses(fixture.take()), "1:utf8 ");
}

TEST(MappingTogether, nested_values_of_avro_that_are_not_utf_8_are_replaced_in_a_column_of_text_and_refused_in_a_key) {
  const std::string schema = record({{"id", R"({"type":"map","values":"string"})"},
                                     {"m", R"({"type":"map","values":"string"})"},
                                     {"a", R"({"type":"array","items":"string"})"}});
  const auto datum = [](std::string_view id, std::string_view name, std::string_view item) {
    return number(1) + text("k") + text(id) + number(0) + number(1) + text(name) + text("x") + number(0) + number(1) +
           text(item) + number(0);
  };
  AvroFixture fixture(table({{"id", "text"}, {"m", "text"}, {"a", "varchar"}}), schema);
  fixture.route.values = {.nul = NulPolicy::strip, .utf8 = Utf8Policy::replace};
  EXPECT_EQ(fixture.row(datum("i", "k", std::string("\0", 1))), R"(write id={"k":"i"} m={"k":"x"} a=["\u0000"])"
                                                                "\n");
  EXPECT_EQ(fixture.row(datum("i", "k\xc3", "b\xff")),
            fmt::format("write id={{\"k\":\"i\"}} m={{\"k{0}\":\"x\"}} a=[\"b{0}\"]\n", replacement));
  EXPECT_TRUE(fixture.row(datum("i\xff", "k", "b")).starts_with("22021 "));
  fixture.add({{}, frame(7, datum("i", "k", "\xff"))});
  EXPECT_EQ(uses(fixture.take()), "2:utf8 ");
}

TEST(MappingTogether, a_source_that_is_not_utf_8_names_no_table) {
  const auto asked = [](Fixture& fixture, const Message& message) {
    fixture.route.table = "public.{source.table}";
    fixture.route.values.utf8 = Utf8Policy::replace;
    fixture.add(message);
    const Changes changes = fixture.take();
    return fmt::format("{} {}", changes.dead.empty() ? "written" : changes.dead.front().sqlstate,
                       fmt::join(fixture.asked, " "));
  };
  const auto envelope = [](std::string_view name, std::string_view value) {
    return fmt::format(
        "{{\"op\":\"c\",\"before\":null,\"after\":{{\"id\":\"{}\"}},\"source\":{{\"db\":\"\xff\",\"table\":\"{}\"}}}}",
        value, name);
  };
  Fixture json(table({{"id", "text"}, {"v", "text"}})), wrong(table({{"id", "text"}}));
  EXPECT_EQ(asked(json, {{}, envelope("orders", "1")}), "written public.orders");
  EXPECT_EQ(asked(wrong, {{},
                          envelope("or\xff"
                                   "ders",
                                   "1")}),
            "42602 ");
  const std::string schema =
      record({{"op", R"("string")"},
              {"after", R"({"type":"record","name":"After","fields":[{"name":"id","type":"string"}]})"},
              {"source", R"({"type":"record","name":"Source","fields":[{"name":"table","type":"string"}]})"}});
  AvroFixture avro(table({{"id", "text"}}), schema), broken(table({{"id", "text"}}), schema);
  EXPECT_EQ(asked(avro, {{}, frame(7, text("c") + text("1") + text("orders"))}), "written public.orders");
  EXPECT_EQ(asked(broken, {{},
                           frame(7, text("c") + text("1") +
                                        text("or\xff"
                                             "ders"))}),
            "42602 ");
}

TEST(MappingTogether, the_payload_of_a_frame_with_a_json_schema_is_mended_and_its_number_is_not) {
  AvroFixture fixture(table({{"id", "text"}, {"v", "text"}, {"w", "text"}}), "");
  fixture.route.values.utf8 = Utf8Policy::replace;
  fixture.schemas[fmt::format("{}", 0xfff0)] = {SchemaKind::json, R"({"type":"object"})"};
  fixture.add({{}, frame(0xfff0, "{\"id\":\"1\",\"v\":\"x\",\"w\":\"a\xff\"}")});
  fixture.add({{}, frame(0xfff0, "{\"id\":\"1\xff\",\"v\":\"x\",\"w\":\"a\"}")});
  const Changes made = fixture.take();
  EXPECT_EQ(outcomes(made), "ad");
  EXPECT_EQ(text_of(made) + uses(made), fmt::format("write id=1 v=x w=a{}\n2:utf8 ", replacement));
}

TEST(MappingTogether, the_data_of_a_cloud_event_is_mended_where_it_is_and_keys_are_not) {
  const std::string attributes = R"("specversion":"1.0","type":"t","source":"/s","id":"e")";
  const auto made = [&](const std::string& data) {
    Fixture fixture(table({{"id", "text"}, {"v", "text"}, {"w", "text"}}));
    fixture.route.values.utf8 = Utf8Policy::replace;
    const Changes changes = fixture.map({{{}, fmt::format(R"({{{},"data":{}}})", attributes, data)}});
    return changes.dead.empty() ? text_of(changes) + uses(changes) : changes.dead.front().sqlstate;
  };
  EXPECT_EQ(made("{\"id\":\"1\",\"v\":\"x\",\"w\":\"a\xff\"}"),
            fmt::format("write id=1 v=x w=a{}\n2:utf8 ", replacement));
  EXPECT_EQ(made("{\"id\":\"1\xff\",\"v\":\"x\",\"w\":\"a\"}"), "22021");
}

TEST(MappingTogether, what_is_mended_in_an_attribute_counts_there_and_not_in_data_that_is_base64) {
  const auto made = [](const std::string& rest) {
    Fixture fixture(table({{"id", "text"}, {"v", "text"}, {"origin", "text"}}));
    fixture.route.values.utf8 = Utf8Policy::replace;
    fixture.route.columns.add = {{"origin", "@source.table"}};
    const char* attributes = R"("specversion":"1.0","type":"t","source":"/s","id":"e")";
    const Changes changes = fixture.map({{{}, fmt::format("{{{},{}}}", rest, attributes)}});
    return changes.dead.empty() ? text_of(changes) + uses(changes) : changes.dead.front().sqlstate;
  };
  // The places that are wrong in the event are those of id and v in the data, {"id":"1","v":"x"}.
  EXPECT_EQ(made("\"xy\":\"\xff....\xff\",\"data_base64\":\"eyJpZCI6IjEiLCJ2IjoieCJ9\""),
            "write id=1 v=x origin=NULL\n");
  EXPECT_EQ(
      made("\"iodebeziumop\":\"c\",\"iodebeziumtable\":\"a\xff\",\"data\":{\"before\":null,\"after\":{\"id\":\"1\"}}"),
      fmt::format("write id=1 origin=a{}\n2:utf8 ", replacement));
}

TEST(MappingTogether, a_frame_is_the_data_of_no_cloud_event_unless_the_route_says_avro) {
  const std::string schema = record({{"id", R"("string")"}});
  const auto made = [&](config::Format format) {
    AvroFixture fixture(table({{"id", "text"}}), schema);
    fixture.route.format = format;
    fixture.add(
        {{},
         frame(7, text("1")),
         {{"ce_specversion", "1.0"}, {"ce_id", "1"}, {"ce_source", "/s"}, {"ce_type", "t"}, {"ce_iodebeziumop", "d"}}});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().sqlstate;
  };
  EXPECT_EQ(made(config::Format::automatic), "0A000") << "what it does is in its headers";
  EXPECT_EQ(made(config::Format::cloudevents), "0A000");
  EXPECT_EQ(made(config::Format::avro), "write id=1\n");
}

}  // namespace
}  // namespace sluice::mapping::test
