// The seam between formats and encoders: escapes of JSON change nothing, wherever they stand, and values that no JSON
// was made of are encoded like those that were.
#include <cmath>

#include "mapping/encode/encoder.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

// Every character as \uXXXX, as no encoder writes it and every decoder has to read it.
std::string escaped(std::string_view ascii) {
  std::string json = "\"";
  for (const char c : ascii) json += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
  return json + "\"";
}

std::string row_of(const std::string& type, const std::string& json) {
  Fixture fixture(table({{"id", "int4"}, {"v", type}}));
  const Changes changes = fixture.map({{{}, fmt::format(R"({{"id":1,"v":{}}})", json)}});
  return changes.dead.empty() ? text_of(changes) : "!" + changes.dead[0].whole();
}

TEST(MappingSeam, a_text_means_the_same_however_it_is_escaped) {
  const std::vector<std::pair<std::string, std::string>> texts = {{"int4", "-42"},
                                                                  {"int8", "1.2e1"},
                                                                  {"numeric", "12.50"},
                                                                  {"float8", "-Infinity"},
                                                                  {"bool", "true"},
                                                                  {"text", "a b"},
                                                                  {"varchar", "\\x"},
                                                                  {"bytea", "AP8Q"},
                                                                  {"bytea", "\\x00ff"},
                                                                  {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
                                                                  {"mood", "happy"},
                                                                  {"inet", "192.168.1.1/24"},
                                                                  {"date", "2024-02-29"},
                                                                  {"time", "23:59:59.5"},
                                                                  {"timestamp", "2024-02-29 12:34:56"},
                                                                  {"timestamptz", "2024-02-29T12:34:56+01:00"},
                                                                  {"jsonb", R"({"a":[1,"x"]})"},
                                                                  {"json", "[1]"},
                                                                  {"jsonb", R"("12")"},
                                                                  {"hstore", R"({"k":"v"})"},
                                                                  {"hstore", R"(k=>v)"},
                                                                  {"int4[]", "{1,2}"},
                                                                  {"text", "__debezium_unavailable_value_not_quite"}};
  for (const auto& [type, text] : texts) {
    std::string plain = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') plain += '\\';
      plain += c;
    }
    plain += '"';
    std::string expected = row_of(type, plain);
    if (type == "jsonb" && text == R"("12")") {  // a text that stays one is stored as the event spells it
      EXPECT_EQ(row_of(type, escaped(text)), "write id=1 v=" + escaped(text) + "\n");
      continue;
    }
    EXPECT_FALSE(expected.starts_with('!')) << type << ": " << expected;
    EXPECT_EQ(row_of(type, escaped(text)), expected) << type << " " << text;
  }
  EXPECT_EQ(row_of("timestamptz", R"("2024-02-29T12:34:56\u002B01:00")"), "write id=1 v=2024-02-29 11:34:56.000000\n");
  EXPECT_EQ(row_of("bytea", R"("\/w==")"), "write id=1 v=ff\n");
}

TEST(MappingSeam, the_placeholder_for_what_was_not_sent_may_be_escaped) {
  EXPECT_EQ(row_of("bytea", R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ\u003d\u003d")"), "write id=1\n");
}

TEST(MappingSeam, names_in_a_record_key_are_unescaped) {
  Fixture fixture(table({{"straße", "int4"}, {"v", "text"}}), {"straße"});
  const Changes changes =
      fixture.map({{R"({"stra\u00dfe":1})", R"({"v":"a"})"},
                   {R"({"stra\u00dfe":1})", {}},
                   {R"({"schema":{"type":"struct","fields":[{"type":"int32","field":"stra\u00dfe"}]},)"
                    R"("payload":{"stra\u00dfe":2}})",
                    {}},
                   {R"({"straße":3})", {}}});
  EXPECT_EQ(text_of(changes), "remove straße=1\nremove straße=2\nremove straße=3\n");
  EXPECT_EQ(outcomes(changes), "faaa");
}

TEST(MappingSeam, texts_in_a_record_key_are_unescaped) {
  Fixture fixture(table({{"id", "date"}, {"v", "text"}}));
  EXPECT_EQ(text_of(fixture.map({{R"("2024\u002d01-01")", {}}, {R"({"id":"2024-01\u002d02"})", {}}})),
            "remove id=2024-01-01\nremove id=2024-01-02\n");
}

TEST(MappingSeam, names_of_the_source_are_unescaped) {
  Fixture fixture(table({{"id", "int4"}}));
  fixture.route.table = "{source.db}.{source.schema}_{source.table}";
  fixture.route.schemas = {"dé"};
  fixture.map({{{},
                R"({"before":null,"after":{"id":1},"source":{"d\u0062":"d\u00e9","schema":"a\/b",)"
                R"("table":"stra\u00dfe"},"op":"\u0063"})"}});
  EXPECT_EQ(fixture.asked, std::vector<std::string>{"dé.a/b_straße"});
}

TEST(MappingSeam, names_in_a_connect_schema_and_its_payload_are_unescaped) {
  Fixture fixture(table({{"id", "int4"}, {"größe", "date"}}));
  for (const char* name : {R"(gr\u00f6\u00dfe)", "größe"}) {
    EXPECT_EQ(text_of(fixture.map(
                  {{{},
                    fmt::format(R"({{"schema":{{"type":"struct","fields":[{{"type":"int32","field":"id"}},{{"type":)"
                                R"("int32","name":"io.debezium.time.D\u0061te","field":"gr\u00f6\u00dfe"}}]}},)"
                                R"("payload":{{"{}":19782,"id":1}}}})",
                                name)}})),
              "write id=1 größe=2024-02-29\n");
  }
}

// What an Encoder makes of a value that was never JSON.
std::string encoded(const std::string& type, const Value& value) {
  Encoder encoder;
  std::string arena = "before";
  Cell cell;
  const Column target = column("v", type);
  if (const ValueError error = encoder.encode(target, value, true, arena, cell))
    return std::string("!") + error.sqlstate;
  if (cell.length < 0) return cell.length == Cell::null ? "NULL" : "absent";
  return cell_text(target, std::string_view(arena).substr(cell.offset, static_cast<std::size_t>(cell.length)));
}

TEST(MappingSeam, ready_scalars_go_into_every_column_that_their_json_would) {
  EXPECT_EQ(encoded("int4", {}), "NULL");
  EXPECT_EQ(encoded("int4", Value::absent()), "absent");
  for (const char* type : {"int2", "int4", "int8", "numeric", "float8", "text", "jsonb"}) {
    EXPECT_EQ(encoded(type, Value::integer(-12)), "-12") << type;
  }
  EXPECT_EQ(encoded("int2", Value::integer(40'000)), "!22003");
  EXPECT_EQ(encoded("bool", Value::integer(1)), "true");
  EXPECT_EQ(encoded("bool", Value::integer(2)), "!22P02");
  EXPECT_EQ(encoded("bool", Value::real(0)), "false");
  EXPECT_EQ(encoded("timestamp", Value::integer(1)), "!22007");
  EXPECT_EQ(encoded("float8", Value::real(0.1)), "0.1");
  EXPECT_EQ(encoded("numeric", Value::real(2.5e-7)), "0.00000025");
  EXPECT_EQ(encoded("int4", Value::real(3)), "3");
  EXPECT_EQ(encoded("int4", Value::real(3.5)), "!22P02");
  EXPECT_EQ(encoded("numeric", Value::real(-INFINITY)), "-Infinity");
  EXPECT_EQ(encoded("text", Value::real(NAN)), "NaN");
  EXPECT_EQ(encoded("jsonb", Value::real(NAN)), "\"NaN\"");
  EXPECT_EQ(encoded("bool", Value::boolean(true)), "true");
  EXPECT_EQ(encoded("text", Value::boolean(false)), "false");
  EXPECT_EQ(encoded("text", Value::text(R"(a\u0041")")), R"(a\u0041")");
  EXPECT_EQ(encoded("date", Value::text("2024-02-29")), "2024-02-29");
  EXPECT_EQ(encoded("bytea", Value::bytes(std::string_view("\0\xFF", 2))), "00ff");
  EXPECT_EQ(encoded("text", Value::bytes("\x01")), "\\x01");
  EXPECT_EQ(encoded("jsonb", Value::bytes("\x01")), R"("\\x01")");
  EXPECT_EQ(encoded("bit", Value::bits("\x0A", 4)), "1010");
  EXPECT_EQ(encoded("varbit", Value::bits("\x05", 9)), "101");
  const Value decimal = Value::decimal("\x04\xD2", 2);
  for (const char* type : {"numeric", "money", "text", "jsonb", "float8"}) EXPECT_EQ(encoded(type, decimal), "12.34");
  EXPECT_EQ(encoded("int4", decimal), "!22P02");
}

TEST(MappingSeam, ready_times_keep_their_unit_in_every_column) {
  const Value moment = Value::temporal(1709210096789, TemporalUnit::timestamp_millis);
  EXPECT_EQ(encoded("timestamptz", moment), "2024-02-29 12:34:56.789000");
  EXPECT_EQ(encoded("date", moment), "2024-02-29");
  EXPECT_EQ(encoded("text", moment), "2024-02-29 12:34:56.789000");
  EXPECT_EQ(encoded("jsonb", moment), "\"2024-02-29 12:34:56.789000\"");
  EXPECT_EQ(encoded("int8", moment), "1709210096789");
  EXPECT_EQ(encoded("time", Value::temporal(1, TemporalUnit::time_nanos)), "00:00:00.000000");
  EXPECT_EQ(encoded("interval", Value::temporal(-1, TemporalUnit::duration_micros)), "-1 microseconds");
  EXPECT_EQ(encoded("date", Value::temporal(-1, TemporalUnit::duration_micros)), "!22007");
}

TEST(MappingSeam, ready_nested_values_become_json_arrays_and_hstore) {
  const std::vector<Value> numbers = {Value::integer(1), {}, Value::decimal("\x04\xD2", 2)};
  const std::vector<Value> rows = {Value::array(numbers), Value::array(numbers)};
  const std::vector<Field> members = {{"a\"", Value::text("b\\c\n")}, {"list", Value::array(numbers)}, {"none", {}}};
  const Value structure = Value::structure(members);
  EXPECT_EQ(encoded("jsonb", structure), R"({"a\"":"b\\c\u000a","list":[1,null,12.34],"none":null})");
  EXPECT_EQ(encoded("text", structure), R"({"a\"":"b\\c\u000a","list":[1,null,12.34],"none":null})");
  EXPECT_EQ(encoded("hstore", structure), "\"a\\\"\"=>\"b\\\\c\n\",\"list\"=>\"[1,null,12.34]\",\"none\"=>NULL");
  EXPECT_EQ(encoded("numeric[]", Value::array(rows)), R"({{"1",NULL,"12.34"},{"1",NULL,"12.34"}})");
  const std::vector<Field> point = {{"x", Value::real(1.5)}, {"y", Value::integer(-2)}};
  EXPECT_EQ(encoded("point", Value::structure(point)), "(1.5,-2)");
  const std::vector<Field> shape = {{"wkb", Value::bytes("\x01\x02")}, {"srid", Value::integer(4326)}};
  EXPECT_EQ(encoded("geometry", Value::structure(shape)), "SRID=4326;0102");
  const std::vector<Field> nul = {{"a", Value::text(std::string_view("\0", 1))}};
  EXPECT_EQ(encoded("jsonb", Value::structure(nul)), "!22P05");
}

TEST(MappingSeam, hstore_elements_of_an_array_are_quoted_twice) {
  EXPECT_EQ(row_of("hstore[]", R"([{"a long enough key, longer than any small string":"v"},{"k":null},"a=>1"])"),
            "write id=1 v="
            R"({"\"a long enough key, longer than any small string\"=>\"v\"","\"k\"=>NULL","a=>1"})"
            "\n");
}

TEST(MappingSeam, arrays_deeper_than_six_dimensions_are_refused_before_they_are_read) {
  EXPECT_EQ(row_of("int4[]", "[[[[[[1]]]]]]"), "write id=1 v={{{{{{\"1\"}}}}}}\n");
  EXPECT_THAT(row_of("int4[]", "[[[[[[[1]]]]]]]"), testing::HasSubstr("more than 6 array dimensions"));
  EXPECT_EQ(row_of("jsonb[]", "[[[[[[[1]]]]]]]"), "write id=1 v={\"[[[[[[1]]]]]]\"}\n") << "JSON is one element";
}

TEST(MappingSeam, a_decimal_longer_than_any_number_of_postgresql_is_refused_at_once) {
  const std::string huge(750'000, '\x7F');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(encoded("numeric", Value::decimal(huge, 0)), "!22003");
  EXPECT_EQ(encoded("text", Value::decimal(huge, 0)), "!22003");
  EXPECT_EQ(encoded("jsonb", Value::decimal(huge, 0)), "!22003");
  EXPECT_EQ(row_of("numeric", R"({"scale":0,"value":")" + std::string(1'000'000, 'f') + R"("})").substr(0, 1), "!");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30)) << "it took a minute or more";
}

TEST(MappingSeam, a_negative_time_has_one_sign_in_front) {
  EXPECT_EQ(encoded("text", Value::temporal(-90, TemporalUnit::duration_micros)), "-90 microseconds");
  EXPECT_EQ(encoded("text", Value::temporal(-90'000, TemporalUnit::time_millis)), "-00:01:30");
  EXPECT_EQ(encoded("interval", Value::temporal(-3'020'399'000'000, TemporalUnit::time_micros)), "-838:59:59");
  EXPECT_EQ(encoded("interval", Value::temporal(-500'000, TemporalUnit::time_micros)), "-00:00:00.500000");
  EXPECT_EQ(encoded("time", Value::temporal(-90'000, TemporalUnit::time_millis)), "!22008");
}

TEST(MappingSeam, an_element_of_a_time_array_is_held_to_the_rules_of_a_time_column) {
  EXPECT_EQ(row_of("time[]", R"(["12:00:00","12:00:00Z"])"), "write id=1 v={\"12:00:00\",\"12:00:00\"}\n");
  EXPECT_THAT(row_of("time[]", R"(["12:00:00+02:00"])"), testing::HasSubstr("a time zone does not fit"));
  EXPECT_THAT(row_of("time[]", R"(["2024-01-01T12:00:00"])"), testing::StartsWith("!"));
  EXPECT_THAT(row_of("date[]", R"(["12:00:00"])"), testing::StartsWith("!"));
}

TEST(MappingSeam, a_typed_value_is_shown_as_the_event_has_it) {
  Fixture fixture(table({{"id", "int4"}, {"v", "int4"}}));
  const Changes changes = fixture.map(
      {{{},
        R"({"schema":{"type":"struct","fields":[{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",)"
        R"("parameters":{"scale":"2"},"field":"v"}]},"payload":{"id":1,"v":"BNI="}})"},
       {{}, R"({"id":1,"v":{"a":1}})"},
       {{}, R"({"id":1,"v":"stra\u00dfe"})"}});
  ASSERT_EQ(changes.dead.size(), 3u);
  EXPECT_EQ(changes.dead[0].detail, "value.payload.v: found \"BNI=\", expected int4 (not a whole number)");
  EXPECT_EQ(changes.dead[1].detail, R"(value.v: found {"a":1}, expected int4)");
  EXPECT_EQ(changes.dead[2].detail, R"(value.v: found "stra\u00dfe", expected int4)");
}

}  // namespace
}  // namespace sluice::mapping::test
