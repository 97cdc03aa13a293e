// Values by column type, and numbers and times against decoders of the tests' own.
#include <random>

#include "mapping/encode/number.h"

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

// What a field with this JSON text becomes in a column of this type: its text, or `!` and the SQLSTATE.
std::string value(const std::string& type, const std::string& json, const std::string& schema = {}) {
  Fixture fixture(table({{"id", "int4"}, {"v", type}}));
  std::string event = fmt::format(R"({{"id":1,"v":{}}})", json);
  if (!schema.empty()) {
    event =
        fmt::format(R"({{"schema":{{"type":"struct","fields":[{{"type":"int32","field":"id"}},{{{},"field":"v"}}]}},)"
                    R"("payload":{}}})",
                    schema, event);
  }
  const Changes changes = fixture.map({{{}, event}});
  if (!changes.dead.empty()) {
    EXPECT_THAT(changes.dead[0].reason, testing::HasSubstr("found")) << changes.dead[0].reason;
    EXPECT_TRUE(changes.arena.empty() && changes.cells.empty()) << "a dead letter leaves nothing behind";
    return "!" + changes.dead[0].sqlstate;
  }
  const std::string row = text_of(changes);
  constexpr std::string_view begin = "write id=1";
  return row.size() >= begin.size() + 4 ? row.substr(begin.size() + 3, row.size() - begin.size() - 4) : "absent";
}

std::string as_text(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

std::string logical(std::string_view type, std::string_view name, std::string_view more = {}) {
  return fmt::format(R"("type":"{}","name":"{}"{})", type, name, more);
}

TEST(MappingValues, integers_are_exact_and_bounded_by_their_column) {
  EXPECT_EQ(value("int8", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(value("int8", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(value("int8", "9007199254740993"), "9007199254740993");
  EXPECT_EQ(value("int8", "9223372036854775808"), "!22003");
  EXPECT_EQ(value("int4", "2147483648"), "!22003");
  EXPECT_EQ(value("int2", "-32769"), "!22003");
  EXPECT_EQ(value("int2", "-32768"), "-32768");
  EXPECT_EQ(value("int4", "1.0"), "1");
  EXPECT_EQ(value("int4", "1.2e1"), "12");
  EXPECT_EQ(value("int4", "1.5"), "!22P02");
  EXPECT_EQ(value("int4", "0.05e1"), "!22P02");
  EXPECT_EQ(value("int8", "1e400"), "!22003");
  EXPECT_EQ(value("int4", "\"42\""), "42");
  EXPECT_EQ(value("int4", R"(" 42\n")"), "42") << "blanks, as PostgreSQL's input takes them";
  EXPECT_EQ(value("int4", "\"4 2\""), "!22P02");
  EXPECT_EQ(value("int4", "\"abc\""), "!22P02");
  EXPECT_EQ(value("int4", "true"), "!22P02");
  EXPECT_EQ(value("int4", "{}"), "!22P02");
  EXPECT_EQ(value("int4", "null"), "NULL");
}

TEST(MappingValues, decimals_keep_every_digit_and_their_scale) {
  EXPECT_EQ(value("numeric", "1234567890123456.7891"), "1234567890123456.7891");
  EXPECT_EQ(value("numeric", "1.10"), "1.10");
  EXPECT_EQ(value("numeric", "-0.00001"), "-0.00001");
  EXPECT_EQ(value("numeric", "1e30"), "1000000000000000000000000000000");
  EXPECT_EQ(value("numeric", "12.5E-3"), "0.0125");
  EXPECT_EQ(value("numeric", "-0"), "0");
  EXPECT_EQ(value("numeric", "0.000"), "0.000");
  EXPECT_EQ(value("numeric", "\"NaN\""), "NaN");
  EXPECT_EQ(value("numeric", "\"-Infinity\""), "-Infinity");
  for (const auto* nan : {"nan", "NAN", " NaN "}) EXPECT_EQ(value("numeric", fmt::format("\"{}\"", nan)), "NaN");
  for (const auto* infinite : {"inf", "+INF", "infinity", "+Infinity"})
    EXPECT_EQ(value("numeric", fmt::format("\"{}\"", infinite)), "Infinity");
  EXPECT_EQ(value("numeric", "\"-inf\""), "-Infinity");
  for (const auto* none : {"infinit", "in", "--inf", "i n f", "-", "NaN5"})
    EXPECT_EQ(value("numeric", fmt::format("\"{}\"", none)), "!22P02") << none;
  EXPECT_EQ(value("numeric", "\"12.3\""), "12.3");
  EXPECT_EQ(value("numeric", R"("\t 12.3 ")"), "12.3");
  EXPECT_EQ(value("numeric", "1e131072"), "!22003");
  EXPECT_EQ(value("numeric", "1e999999999999"), "!22003");
  EXPECT_EQ(value("numeric", "1e-16384"), "!22003");
  EXPECT_EQ(value("numeric", "\"AKtUqYzrHwrT\""), "!22P02") << "base64 without a scale is not a number";
  EXPECT_EQ(value("numeric", "\"\""), "!22P02");
  const std::string decimal =
      logical("bytes", "org.apache.kafka.connect.data.Decimal", R"(,"parameters":{"scale":"4"})");
  EXPECT_EQ(value("numeric", "\"AKtUqYzrHwrT\"", decimal), "1234567890123456.7891");
  EXPECT_EQ(value("numeric", "\"/w==\"", decimal), "-0.0001");
  EXPECT_EQ(value("text", "\"/w==\"", decimal), "-0.0001");
  EXPECT_EQ(value("money", "\"MDk=\"", decimal), "1.2345");
  EXPECT_EQ(value("numeric", R"({"scale":0,"value":"DJ8snNBGdO3qQAAAAA=="})"), "1000000000000000000000000000000");
  EXPECT_EQ(value("numeric", R"({"scale":-3,"value":"AQ=="})"), "1000");
  EXPECT_EQ(value("numeric", R"({"scale":0})"), "!22P02");
}

TEST(MappingValues, random_decimals_come_back_as_they_were) {
  std::mt19937 random(20260101);
  const auto digits = [&](unsigned most) {
    std::string text;
    for (auto n = random() % most + 1; n > 0; --n) text += static_cast<char>('0' + random() % (random() % 3 ? 10 : 1));
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    std::string integer = digits(40);
    integer.erase(0, std::min(integer.find_first_not_of('0'), integer.size() - 1));
    std::string text = integer;
    if (random() % 3) text += "." + digits(40);
    const bool zero = text.find_first_of("123456789") == text.npos;
    if (!zero && random() % 2) text = "-" + text;
    Decimal decimal;
    std::string binary, plain;
    ASSERT_TRUE(decimal.parse(text)) << text;
    ASSERT_FALSE(decimal.append_binary(binary)) << text;
    ASSERT_FALSE(decimal.append_text(plain)) << text;
    ASSERT_EQ(numeric_text(binary), text);
    ASSERT_EQ(plain, text);
  }
}

TEST(MappingValues, unscaled_bytes_of_any_length_are_exact) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes(random() % 9 + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    std::string longer = bytes;  // the same number with more sign bytes goes the way of large numbers
    longer.insert(0, 9, bytes.front() & 0x80 ? '\xFF' : '\0');
    Decimal a, b;
    std::string short_text, long_text;
    a.assign(bytes, 0);
    b.assign(longer, 0);
    ASSERT_FALSE(a.append_text(short_text));
    ASSERT_FALSE(b.append_text(long_text));
    ASSERT_EQ(short_text, long_text);
    if (bytes.size() <= 8) {
      std::int64_t expected = bytes.front() & 0x80 ? -1 : 0;
      for (const char byte : bytes) expected = expected * 256 + static_cast<unsigned char>(byte);
      ASSERT_EQ(short_text, std::to_string(expected));
    }
  }
}

TEST(MappingValues, floats_take_numbers_and_the_three_special_words) {
  EXPECT_EQ(value("float8", "-2.25e100"), "-2.25e+100");
  EXPECT_EQ(value("float4", "1.5"), "1.5");
  EXPECT_EQ(value("float8", "\"NaN\""), "nan");
  EXPECT_EQ(value("float8", "\"-Infinity\""), "-inf");
  for (const auto* infinite : {"inf", "+inf", "INFINITY"})
    EXPECT_EQ(value("float8", fmt::format("\"{}\"", infinite)), "inf");
  EXPECT_EQ(value("float4", "\"nan\""), "nan");
  EXPECT_EQ(value("float8", "\" +1.5 \""), "1.5");
  EXPECT_EQ(value("float8", "\"+-1.5\""), "!22P02");
  EXPECT_EQ(value("float8", "1e400"), "!22003");
  EXPECT_EQ(value("float4", "1e40"), "!22003");
  EXPECT_EQ(value("float8", "\"nanny\""), "!22P02");
}

TEST(MappingValues, a_boolean_takes_what_postgresql_takes_and_the_numbers_0_and_1) {
  for (const char* yes :
       {"true", "1", "1.0", "1e0", "\"t\"", "\"TRUE\"", "\" yes\"", "\"y\"", "\"On\"", "\"1\"", "\"tru\\n\""})
    EXPECT_EQ(value("bool", yes), "true") << yes;
  for (const char* no : {"false", "0", "-0", "\"f\"", "\"FALSE\"", "\"no\"", "\"n\"", "\"of\"", "\"off\"", "\"0 \""})
    EXPECT_EQ(value("bool", no), "false") << no;
  for (const char* neither :
       {"2", "-1", "0.5", "\"\"", "\" \"", "\"o\"", "\"maybe\"", "\"truely\"", "\"10\"", "[]", "{}"})
    EXPECT_EQ(value("bool", neither), "!22P02") << neither;
  EXPECT_EQ(value("bool[]", R"([true,0,"no",null])"), R"({"true","false","false",NULL})");
}

TEST(MappingValues, bits_come_from_booleans_bytes_and_digits) {
  const auto bits = [](std::string type, std::int32_t length, const std::string& json, const std::string& schema = {}) {
    auto target = table({{"id", "int4"}, {"v", std::move(type)}});
    target->columns[1].modifier = length;
    std::string event = fmt::format(R"({{"id":1,"v":{}}})", json);
    if (!schema.empty())
      event =
          fmt::format(R"({{"schema":{{"type":"struct","fields":[{{"type":"int32","field":"id"}},{}]}},"payload":{}}})",
                      schema, event);
    Fixture fixture(target);
    const Changes changes = fixture.map({{{}, event}});
    return changes.dead.empty() ? text_of(changes).substr(11) : changes.dead[0].sqlstate;
  };
  const auto described = [](int length) {
    return fmt::format(
        R"({{"type":"bytes","name":"io.debezium.data.Bits","parameters":{{"length":"{}"}},"field":"v"}})", length);
  };
  EXPECT_EQ(bits("bit", 1, "true"), "v=1\n");
  EXPECT_EQ(bits("bit", 1, "false"), "v=0\n");
  EXPECT_EQ(bits("bit", 1, "null"), "v=NULL\n");
  EXPECT_EQ(bits("bit", 9, "\"AwE=\"", described(9)), "v=100000011\n");
  EXPECT_EQ(bits("bit", 9, "\"AwE=\""), "v=100000011\n");
  EXPECT_EQ(bits("bit", 9, "\"111000111\""), "v=111000111\n");
  EXPECT_EQ(bits("bit", 9, "\"x1F\""), "v=x1F\n") << "PostgreSQL's own notation, which it judges itself";
  EXPECT_EQ(bits("bit", 9, "\"AwM=\"", described(9)), "22026");
  EXPECT_EQ(bits("varbit", 20, "\"AwE=\"", described(20)), "v=100000011\n");
  EXPECT_EQ(bits("varbit", 20, "true"), "v=1\n");
  EXPECT_EQ(bits("varbit", 20, "\"0101\""), "v=0101\n");
}

TEST(MappingValues, a_scratch_text_is_never_read_while_it_is_written) {
  EXPECT_EQ(value("hstore[]", R"([{"a long enough key for the heap":"a value that is long, too"},{"b":null},null])"),
            R"({"\"a long enough key for the heap\"=>\"a value that is long, too\"","\"b\"=>NULL",NULL})");
  EXPECT_EQ(value("hstore[]", R"([[{"a":"b"}],["{\"c\":\"d\"}"]])"), R"({{"\"a\"=>\"b\""},{"\"c\"=>\"d\""}})");
}

// The numbers that PostgreSQL can hold have 147455 digits, which are 61231 bytes: seconds, if each digit looks at all.
TEST(MappingValues, the_longest_decimal_is_read_and_a_longer_one_refused) {
  const std::string base64(81'636, 'f');
  EXPECT_GT(value("numeric", fmt::format(R"({{"scale":16383,"value":"{}"}})", base64)).size(), 147'440u);
  EXPECT_EQ(value("numeric", fmt::format(R"({{"scale":0,"value":"{}"}})", std::string(4'000'000, 'f'))), "!22003");
}

TEST(MappingValues, a_declared_default_stands_for_what_is_missing_and_may_not_be_null) {
  const auto target =
      table({{"id", "int4"}, {"a", "text"}, {"b", "int4"}, {"c", "numeric"}, {"d", "int4[]"}, {"e", "jsonb"}});
  const std::string fields =
      R"({"type":"int32","field":"id"},{"type":"string","default":"x\u0041","field":"a"},)"
      R"({"type":"int32","optional":true,"default":7,"field":"b"},)"
      R"({"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"default":"fQ==","field":"c"},)"
      R"({"type":"array","items":{"type":"int32","default":9},"default":[1,2],"field":"d"},)"
      R"({"type":"struct","fields":[{"type":"string","default":"in","field":"f"},{"type":"int32","optional":true,"field":"g"}],"default":{"g":3},"field":"e"})";
  const auto row = [&](const std::string& payload) {
    Fixture fixture(target);
    const Changes changes = fixture.map(
        {{{}, fmt::format(R"({{"schema":{{"type":"struct","fields":[{}]}},"payload":{}}})", fields, payload)}});
    return changes.dead.empty() ? text_of(changes) : changes.dead[0].reason;
  };
  EXPECT_EQ(row(R"({"id":1})"), "write id=1 a=xA b=7 c=1.25 d={\"1\",\"2\"} e={\"g\":3,\"f\":\"in\"}\n");
  EXPECT_EQ(row(R"({"id":1,"a":null,"b":null,"c":null,"d":null,"e":null})"),
            "write id=1 a=xA b=NULL c=1.25 d={\"1\",\"2\"} e={\"g\":3,\"f\":\"in\"}\n");
  EXPECT_EQ(row(R"({"e":{"f":null,"g":null},"d":[5,null],"c":"AA==","b":0,"a":"","id":1})"),
            "write id=1 a= b=0 c=0.00 d={\"5\",\"9\"} e={\"f\":\"in\",\"g\":null}\n");
}

TEST(MappingValues, text_takes_strings_and_the_raw_text_of_everything_else) {
  EXPECT_EQ(value("text", "12.50e3"), "12.50e3");
  EXPECT_EQ(value("text", "false"), "false");
  EXPECT_EQ(value("text", R"({"a": [1, "x"]})"), R"({"a": [1, "x"]})");
  EXPECT_EQ(value("text", R"("a\u0000b")"), "!22P05");
  EXPECT_EQ(value("text", R"("\ud800")"), "!22P05");
  EXPECT_EQ(value("text", R"("\\u0000")"), R"(\u0000)");
  EXPECT_EQ(value("text", "\"__debezium_unavailable_value\""), "absent");
  EXPECT_EQ(value("text[]", "[\"__debezium_unavailable_value\"]"), "absent");
  EXPECT_EQ(value("bytea", "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\""), "absent");
}

TEST(MappingValues, every_form_of_the_placeholder_for_an_unchanged_value_is_known_and_nothing_that_resembles_it) {
  const std::string text = "__debezium_unavailable_value";
  std::string numbers;
  for (const char c : text) numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", static_cast<int>(c));
  EXPECT_EQ(value("int4[]", "[" + numbers + "]"), "absent");
  EXPECT_EQ(value("date[]", "[" + numbers + "]"), "absent");
  EXPECT_EQ(value("bytea[]", R"(["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])"), "absent");
  EXPECT_EQ(value("uuid[]", R"(["b68a35a7-17ad-35b3-af2a-ae46edb4545a"])"), "absent");
  EXPECT_EQ(value("bytea", R"("5f5f646562657a69756d5f756e617661696c61626c655f76616c7565")"), "absent");
  EXPECT_EQ(value("hstore", R"({"__debezium_unavailable_value" : "__debezium_unavailable_value"})"), "absent");
  EXPECT_EQ(value("hstore", R"("{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}")"), "absent");
  EXPECT_EQ(value("geometry", R"({"wkb":"AQEAACDmEAAAAAAA/IPXl8EAAAD8g9eXwQ==","srid":4326})"), "absent");
  EXPECT_EQ(value("text[]", R"(["__debezium_unavailable_value","x"])"), R"({"__debezium_unavailable_value","x"})");
  EXPECT_EQ(value("text", R"("__debezium_unavailable_value!")"), "__debezium_unavailable_value!");
  EXPECT_NE(value("int4[]", "[" + numbers + ",1]"), "absent");
}

TEST(MappingValues, json_columns_keep_the_text_of_nested_values) {
  EXPECT_EQ(value("jsonb", R"({"z": 1, "a": null})"), R"({"z": 1, "a": null})");
  EXPECT_EQ(value("json", "[1,2.50]"), "[1,2.50]");
  EXPECT_EQ(value("jsonb", R"("{\"id\":12345}")"), R"({"id":12345})");
  EXPECT_EQ(value("jsonb", R"("plain \"text\"")"), R"("plain \"text\"")");
  EXPECT_EQ(value("jsonb", R"("12")"), R"("12")");
  EXPECT_EQ(value("jsonb", R"({"q":"''"})"), R"({"q":"''"})");
  EXPECT_EQ(value("jsonb", "12.50"), "12.50");
  EXPECT_EQ(value("jsonb", R"({"a":"\u0000"})"), "!22P05");
  EXPECT_EQ(value("jsonb", R"({"a":"\\u0000"})"), R"({"a":"\\u0000"})");
  EXPECT_EQ(value("jsonb", R"({"a":[1,}})"), "!22P02");
  EXPECT_EQ(value("jsonb", R"({"a":[1,]})"), "!22P02");
  EXPECT_EQ(value("jsonb", R"("12")", logical("string", "io.debezium.data.Json")), "12");
  EXPECT_EQ(value("jsonb", R"("no json")", logical("string", "io.debezium.data.Json")), "!22P02");
}

TEST(MappingValues, bytes_come_as_base64_or_hexadecimal) {
  EXPECT_EQ(value("bytea", "\"AP8Q\""), "00ff10");
  EXPECT_EQ(value("bytea", R"("\\x00Ff10")"), "00ff10");
  EXPECT_EQ(value("bytea", "\"\""), "");
  EXPECT_EQ(value("bytea", R"("\\x0")"), "!22023");
  EXPECT_EQ(value("bytea", "\"not base64!\""), "!22P02");
  EXPECT_EQ(value("bytea", "\"AP8\"", R"("type":"bytes")"), "00ff");
}

TEST(MappingValues, uuids_come_in_all_their_clothes) {
  const std::string plain = "a0eebc999c0b4ef8bb6d6bb9bd380a11";
  EXPECT_EQ(value("uuid", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""), plain);
  EXPECT_EQ(value("uuid", "\"{A0EEBC99-9C0B4EF8-BB6D-6BB9BD380A11}\""), plain);
  EXPECT_EQ(value("uuid", "\"" + plain + "\""), plain);
  EXPECT_EQ(value("uuid", "\"a0eebc99\""), "!22P02");
  EXPECT_EQ(value("uuid", "\"\""), "!22P02");
}

TEST(MappingValues, bytes_in_a_text_may_stand_in_lines) {
  EXPECT_EQ(value("bytea", R"("AQID\r\nBAUG\r\n")"), value("bytea", "\"AQIDBAUG\""));
  EXPECT_EQ(value("bytea", R"(" AQ I= ")"), value("bytea", "\"AQI=\""));
  EXPECT_EQ(value("bytea", R"("\\x01 02\n03")"), value("bytea", R"("\\x010203")"));
  for (const char* text : {R"("\\x0 1")", R"("\\x010")", R"("\\xgg")"})
    EXPECT_EQ(value("bytea", text), "!22023") << text;
  EXPECT_EQ(value("bytea", R"("A Q\n")"), value("bytea", R"("AQ")"));
  EXPECT_EQ(value("bytea", R"("A\n")"), "!22P02");
}

TEST(MappingValues, an_array_of_empty_arrays_is_empty) {
  EXPECT_EQ(value("int4[]", "[[]]"), "{}");
  EXPECT_EQ(value("text[]", "[[],[]]"), "{}");
  EXPECT_EQ(value("int4[]", "[[[]]]"), "{}");
  EXPECT_EQ(value("text[]", R"([[""]])"), R"({{""}})");
  EXPECT_EQ(value("jsonb[]", "[[]]"), R"({"[]"})");
}

TEST(MappingValues, times_are_read_from_iso_text) {
  EXPECT_EQ(value("date", "\"2024-02-29\""), "2024-02-29");
  EXPECT_EQ(value("date", "\"2023-02-29\""), "!22008");
  EXPECT_EQ(value("date", "\"0001-01-01\""), "0001-01-01");
  EXPECT_EQ(value("date", "\"0001-12-31 BC\""), "0000-12-31");
  EXPECT_EQ(value("date", "\"-0043-03-15\""), "-043-03-15");
  EXPECT_EQ(value("date", "\"12345-01-02\""), "12345-01-02");
  EXPECT_EQ(value("date", "\"2024-02-29Z\""), "2024-02-29");  // Debezium's IsoDate
  EXPECT_EQ(value("date", "\"2024-02-29+14:00\""), "2024-02-29");
  EXPECT_EQ(value("date", "\"2024-02-29Zulu\""), "!22007");
  EXPECT_EQ(value("timestamptz", "\"2024-02-29+02:00\""), "2024-02-28 22:00:00.000000");
  EXPECT_EQ(value("date", "\"infinity\""), "infinity");
  EXPECT_EQ(value("date", "\"tomorrow\""), "!22007");
  EXPECT_EQ(value("date", "\"6000000-01-01\""), "!22008");
  EXPECT_EQ(value("timestamptz", "\"2024-02-29T12:34:56.789012Z\""), "2024-02-29 12:34:56.789012");
  EXPECT_EQ(value("timestamptz", "\"2024-02-29 12:34+07:00\""), "2024-02-29 05:34:00.000000");
  EXPECT_EQ(value("timestamptz", "\"1969-12-31T23:59:59.999999Z\""), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(value("timestamp", "\"2024-01-01T00:00:00-0530\""), "2024-01-01 05:30:00.000000");
  EXPECT_EQ(value("timestamp", "\"2024-01-01T00:00:00.1234565\""), "2024-01-01 00:00:00.123456") << "half to even";
  EXPECT_EQ(value("timestamp", "\"2024-01-01T00:00:00.1234575\""), "2024-01-01 00:00:00.123458");
  EXPECT_EQ(value("timestamp", "\"2023-12-31T23:59:59.9999999\""), "2024-01-01 00:00:00.000000");
  EXPECT_EQ(value("timestamp", "\"294276-12-31 23:59:59.999999\""), "294276-12-31 23:59:59.999999");
  EXPECT_EQ(value("timestamp", "\"294277-01-01 00:00:00\""), "!22008");
  EXPECT_EQ(value("timestamptz", "\"-infinity\""), "-infinity");
  EXPECT_EQ(value("timestamp", "\"2024-01-01T00:00:00junk\""), "!22007");
  EXPECT_EQ(value("timestamp", "\"2024-01-01T25:00:00\""), "!22008");
  EXPECT_EQ(value("time", "\"24:00:00\""), "24:00:00.000000");
  EXPECT_EQ(value("time", "\"23:59:59.123456\""), "23:59:59.123456");
  EXPECT_EQ(value("time", "\"12:00:00+02:00\""), "!22007");
}

// As PostgreSQL reads them, with its SQLSTATEs: the test Times of the sink compares many more.
TEST(MappingValues, dates_and_times_are_read_from_postgresqls_other_forms_that_have_one_meaning) {
  for (const char* text : {"20240105", "2024/1/5", "2024/01/05", "2024-1-5", " 2024-01-05 ", "2024.1.5", "2024--1-5",
                           "2024-005", "Jan 5 2024", "5 January 2024", "05-Jan-2024", "240105"})
    EXPECT_EQ(value("date", as_text(text)), "2024-01-05") << text;
  for (const char* text : {"20240230", "0000-01-01", "202401", "99-01-01", "1704067200"})
    EXPECT_EQ(value("date", as_text(text)), "!22008") << text;
  for (const char* text : {"2024-1/5", "01/05/2024", "5-1-24", "05-Jan-24", "today", "now", "epoch", "J2451187",
                           "10:00", "2024-01-05-06", "Jan 2024", ""})
    EXPECT_EQ(value("date", as_text(text)), "!22007") << text;
  for (const char* text : {"9:05:07", "9:5:7", "09:05:7", "090507", "09:05:07 AM", " 9:05:07.0000005 "})
    EXPECT_EQ(value("time", as_text(text)), "09:05:07.000000") << text;
  EXPECT_EQ(value("time", as_text("09:05:07 PM")), "21:05:07.000000");
  EXPECT_EQ(value("time", as_text("9:")), "09:00:00.000000");
  for (const char* text : {":05", "9", "09:05:07 XM", "2024-01-05 09:05"})
    EXPECT_EQ(value("time", as_text(text)), "!22007") << text;
  for (const char* text : {"24:00:01", "23:60", "990000", "13:00 PM"})
    EXPECT_EQ(value("time", as_text(text)), "!22008") << text;
  for (const char* text : {"20240105T101112.5Z", "20240105 101112.5", "2024-01-05 10:11:12.5 UTC",
                           "2024-01-05T121112.5+02", "2024/1/5 10:11:12.5 GMT", "Fri, 05 Jan 2024 10:11:12.5 GMT",
                           "2024-01-05  10:11:12.5", "2024-01-05 12:11:12.5 +2"})
    EXPECT_EQ(value("timestamptz", as_text(text)), "2024-01-05 10:11:12.500000") << text;
  for (const char* text : {"2024-01-05T10111", "2024-01-05 10:11 UTCX", "2024-01-05 10:11:12,5", "2024-W01-1",
                           "2024-01-05 10:11 Europe/Berlin"})
    EXPECT_EQ(value("timestamptz", as_text(text)), "!22007") << text;
}

TEST(MappingValues, zones_reach_as_far_as_postgresqls) {
  EXPECT_EQ(value("timestamptz", as_text("2024-01-05 00:00+15:59:59")), "2024-01-04 08:00:01.000000");
  EXPECT_EQ(value("timestamptz", as_text("2024-01-05 00:00-1559")), "2024-01-05 15:59:00.000000");
  for (const char* text :
       {"2024-01-05 00:00+16:00", "2024-01-05 00:00-16", "2024-01-05 00:00+05:60", "2024-01-05+053045"})
    EXPECT_EQ(value("timestamptz", as_text(text)), "!22009") << text;
  EXPECT_EQ(value("timestamptz[]", R"(["2024-01-05+02:00"])"), R"({"2024-01-04 22:00:00+00"})")
      << "a date with a zone, in an array as in a column";
}

TEST(MappingValues, years_with_a_sign_are_those_of_iso_8601) {
  EXPECT_EQ(value("date", as_text("+12024-01-05")), "12024-01-05");
  EXPECT_EQ(value("date", as_text("+0000-01-05")), value("date", as_text("0001-01-05 BC")));
  EXPECT_EQ(value("date", as_text("-0001-01-05")), value("date", as_text("0002-01-05 BC")));
  EXPECT_EQ(value("date", as_text("-0001-01-05 BC")), "!22007");
  EXPECT_EQ(value("date", as_text("-9999-01-05")), "!22008");
}

TEST(MappingValues, counts_of_nanoseconds_are_rounded_half_to_even) {
  const auto nanos = [](const char* count) {
    return value("timestamp", count, logical("int64", "io.debezium.time.NanoTimestamp"));
  };
  EXPECT_EQ(nanos("500"), "1970-01-01 00:00:00.000000");
  EXPECT_EQ(nanos("501"), "1970-01-01 00:00:00.000001");
  EXPECT_EQ(nanos("1500"), "1970-01-01 00:00:00.000002");
  EXPECT_EQ(nanos("-500"), "1970-01-01 00:00:00.000000");
  EXPECT_EQ(nanos("-1500"), "1969-12-31 23:59:59.999998");
}

TEST(MappingValues, what_debezium_makes_of_an_infinite_date_or_time_is_infinite_again) {
  const auto date = [](const char* count) { return value("date", count, logical("int32", "io.debezium.time.Date")); };
  EXPECT_EQ(date("-2147472692"), "infinity");
  EXPECT_EQ(date("-2147472691"), "-infinity");
  EXPECT_EQ(date("-622191234"), "infinity");
  EXPECT_EQ(date("-625821272"), "-infinity");
  EXPECT_EQ(date("-625821273"), "!22008");
  EXPECT_EQ(value("date", "\"-5877611-06-21Z\""), "infinity");
  EXPECT_EQ(value("date", "\"-5877611-06-22Z\""), "-infinity");
  EXPECT_EQ(value("date", "\"+292278994-08-16Z\""), "infinity");
  EXPECT_EQ(value("date", "\"+292269055-12-02Z\""), "-infinity");
  EXPECT_EQ(value("date", "\"+292269055-12-03Z\""), "!22008");
  EXPECT_EQ(value("timestamp", "\"+294247-01-10T04:00:25.2Z\""), "infinity");
  EXPECT_EQ(value("timestamp", "\"-290308-12-21T19:59:27.6Z\""), "-infinity");
  EXPECT_EQ(value("timestamp", "\"294247-01-10T04:00:25.2\""), "294247-01-10 04:00:25.200000");
}

TEST(MappingValues, counted_times_need_the_unit_that_a_schema_gives) {
  EXPECT_EQ(value("date", "19782"), "!22007");
  EXPECT_EQ(value("timestamptz", "1709210096789"), "!22007");
  EXPECT_EQ(value("date", "19782", logical("int32", "io.debezium.time.Date")), "2024-02-29");
  EXPECT_EQ(value("date", "-719162", logical("int32", "org.apache.kafka.connect.data.Date")), "0001-01-01");
  EXPECT_EQ(value("time", "86399123456", logical("int64", "io.debezium.time.MicroTime")), "23:59:59.123456");
  EXPECT_EQ(value("time", "86399123", logical("int32", "io.debezium.time.Time")), "23:59:59.123000");
  EXPECT_EQ(value("time", "86400000001", logical("int64", "io.debezium.time.MicroTime")), "!22008");
  EXPECT_EQ(value("timestamp", "1709210096789012", logical("int64", "io.debezium.time.MicroTimestamp")),
            "2024-02-29 12:34:56.789012");
  EXPECT_EQ(value("timestamp", "1709210096789", logical("int64", "io.debezium.time.Timestamp")),
            "2024-02-29 12:34:56.789000");
  EXPECT_EQ(value("timestamp", "1709210096789012500", logical("int64", "io.debezium.time.NanoTimestamp")),
            "2024-02-29 12:34:56.789012");
  EXPECT_EQ(value("timestamptz", "-1", logical("int64", "io.debezium.time.MicroTimestamp")),
            "1969-12-31 23:59:59.999999");
  EXPECT_EQ(value("timestamp", "9223372036825200000", logical("int64", "io.debezium.time.MicroTimestamp")), "infinity");
  EXPECT_EQ(value("timestamp", "9223372036854775807", logical("int64", "io.debezium.time.Timestamp")), "!22008");
  EXPECT_EQ(value("date", "1709210096789", logical("int64", "org.apache.kafka.connect.data.Timestamp")), "2024-02-29");
  EXPECT_EQ(value("text", "19782", logical("int32", "io.debezium.time.Date")), "2024-02-29");
  EXPECT_EQ(value("interval", "-1", logical("int64", "io.debezium.time.MicroDuration")), "-1 microseconds");
}

TEST(MappingValues, arrays_become_literals) {
  EXPECT_EQ(value("text[]", R"(["a","b c",null,"q\"\\"])"), R"({"a","b c",NULL,"q\"\\"})");
  EXPECT_EQ(value("text[]", "[]"), "{}");
  EXPECT_EQ(value("text[]", "null"), "NULL");
  EXPECT_EQ(value("int4[]", "[[1,2],[3,4]]"), R"({{"1","2"},{"3","4"}})");
  EXPECT_EQ(value("bool[]", "[true,null]"), R"({"true",NULL})");
  EXPECT_EQ(value("int4[]", "\"{1,2}\""), "{1,2}");
  EXPECT_EQ(value("int4[]", "\"1,2\""), "!22P02");
  EXPECT_EQ(value("int4[]", "7"), "!22P02");
  EXPECT_EQ(value("jsonb[]", R"([{"a":"b"},"x"])"), R"({"{\"a\":\"b\"}","\"x\""})");
  EXPECT_EQ(value("bytea[]", "[\"AP8Q\"]"), R"({"\\x00ff10"})");
  EXPECT_EQ(value("date[]", "[19782]"), "!22007");
  EXPECT_EQ(value("timestamptz[]", "[\"2024-01-01T00:00:00+02:00\"]"), R"({"2023-12-31 22:00:00+00"})");
  EXPECT_EQ(value("numeric[]", R"(["fQ==","/Bk="])",
                  R"("type":"array","items":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",)"
                  R"("parameters":{"scale":"2"}})"),
            R"({"1.25","-9.99"})");
}

TEST(MappingValues, other_types_travel_as_their_input_text) {
  EXPECT_EQ(value("inet", "\"192.168.1.1/24\""), "192.168.1.1/24");
  EXPECT_EQ(value("point", R"({"x":1.5,"y":-2.0,"wkb":"AQ==","srid":null})"), "(1.5,-2.0)");
  EXPECT_EQ(value("bit", "\"Cg==\"", logical("bytes", "io.debezium.data.Bits", R"(,"parameters":{"length":"4"})")),
            "1010");
  EXPECT_EQ(value("varbit", "\"BQ==\"", logical("bytes", "io.debezium.data.Bits", R"(,"parameters":{"length":"9"})")),
            "101");
  EXPECT_EQ(value("hstore", R"({"a\"":"b\\c","nullkey":null})"), R"("a\""=>"b\\c","nullkey"=>NULL)");
  EXPECT_EQ(value("hstore", R"("{\"k\":\"v\"}")"), R"("k"=>"v")");
  EXPECT_EQ(value("hstore", R"([[1,"a"],[true,null],["k",[2]]])"), R"("1"=>"a","true"=>NULL,"k"=>"[2]")")
      << "Connect's map whose keys are no texts";
  EXPECT_EQ(value("hstore", "[]"), "");
  for (const char* pairs : {R"([["a"]])", R"(["a","b"])", R"([[null,"a"]])", R"([["a",1,2]])", R"([[["a"],1]])"})
    EXPECT_EQ(value("hstore", pairs), "!22P02") << pairs;
  EXPECT_EQ(value("geometry", R"({"wkb":"AQI=","srid":4326})"), "SRID=4326;0102");
}

TEST(MappingValues, an_object_becomes_a_row_of_a_composite_type_and_nothing_of_it_is_lost) {
  auto target = table({{"id", "int4"}, {"v", "span"}, {"many", "span[]"}});
  for (auto& column : target->columns) {
    if (column.name != "id")
      column.fields = {test::column("name", "text"), test::column("at", "timestamptz"), test::column("tags", "text[]")};
  }
  Fixture fixture(target);
  const Changes changes = fixture.map({
      {{},
       R"({"id":1,"v":{"name":"a \"b\", \\(c","at":"2024-01-01T02:00:00+02:00"},"many":[{"tags":["x",null]},null]})"},
      {{}, R"_({"id":2,"v":"(x,,{})"})_"},
      {{}, R"({"id":3,"v":{"name":"a","more":1}})"},
      {{}, R"({"id":4,"v":{"name":"a","name":"b"}})"},
      {{}, R"({"id":5,"v":{"at":"never"}})"},
  });
  EXPECT_EQ(text_of(changes),
            "write id=1 v=(\"a \\\"b\\\", \\\\(c\",\"2024-01-01 00:00:00+00\",) "
            "many={\"(,,\\\"{\\\\\\\"x\\\\\\\",NULL}\\\")\",NULL}\n"
            "write id=2 v=(x,,{})\n");
  EXPECT_EQ(outcomes(changes), "aaddd");
  EXPECT_EQ(changes.dead[0].sqlstate, "42703");
  EXPECT_EQ(changes.dead[1].sqlstate, "22032");
  EXPECT_EQ(changes.dead[2].sqlstate, "22007");
}

}  // namespace
}  // namespace sluice::mapping::test
