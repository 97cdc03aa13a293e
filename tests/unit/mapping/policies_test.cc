// What a route's policies make of values that their columns cannot hold, and that each use is told by column.
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

constexpr std::string_view fffd = "\xEF\xBF\xBD";

// The value and the policies that it took: `abc (nul)`; `!22P05` if the record is a dead letter.
std::string policed_value(const ValuePolicies& policies, Column of, const std::string& json) {
  auto target = table({{"id", "int4"}});
  target->columns.push_back(std::move(of));
  Fixture fixture(target);
  fixture.route.values = policies;
  const Changes changes = fixture.map({{{}, fmt::format(R"({{"id":1,"v":{}}})", json)}});
  if (!changes.dead.empty()) {
    EXPECT_TRUE(changes.policy_uses.empty()) << "of a dead letter nothing is counted";
    return "!" + changes.dead[0].sqlstate;
  }
  const std::string row = text_of(changes);
  constexpr std::string_view begin = "write id=1";
  std::string text =
      row.size() >= begin.size() + 4 ? row.substr(begin.size() + 3, row.size() - begin.size() - 4) : "absent";
  for (const PolicyUse& use : changes.policy_uses) {
    EXPECT_EQ(use.column, 1);
    EXPECT_EQ(use.record, 0u);
    EXPECT_EQ(use.table, target.get());
    text += fmt::format(" ({})", value_policy_names.at(static_cast<std::size_t>(use.policy)));
  }
  return text;
}

Column v(const std::string& type, std::int32_t modifier = -1) {
  Column made = column("v", type);
  made.modifier = modifier;
  return made;
}

std::int32_t numeric_modifier(int precision, int scale) {
  return (precision << 16 | scale) + 4;
}

TEST(MappingPolicies, u_0000_is_stripped_or_replaced_in_texts_json_and_arrays) {
  const ValuePolicies reject, strip{.nul = NulPolicy::strip}, replace{.nul = NulPolicy::replace};
  EXPECT_EQ(policed_value(reject, v("text"), R"("a\u0000b")"), "!22P05");
  EXPECT_EQ(policed_value(strip, v("text"), R"("a\u0000b")"), "ab (nul)");
  EXPECT_EQ(policed_value(replace, v("text"), R"("a\u0000b")"), fmt::format("a{}b (nul)", fffd));
  EXPECT_EQ(policed_value(strip, v("text"), R"("plain \\u0000 \u00e9")"), R"(plain \u0000 é)")
      << "no U+0000: an escaped backslash";
  EXPECT_EQ(policed_value(strip, v("varchar"), R"("\u0000\u0000")"), " (nul)") << "an empty text, counted once";
  EXPECT_EQ(policed_value(strip, v("citext"), R"("a\u0000")"), "a (nul)");
  EXPECT_EQ(policed_value(reject, v("jsonb"), R"({"a":"x\u0000","b\u0000":[1,"\u0000"]})"), "!22P05");
  EXPECT_EQ(policed_value(strip, v("jsonb"), R"({"a":"x\u0000","b\u0000":[1,"\u0000"]})"),
            R"({"a":"x","b":[1,""]} (nul))");
  EXPECT_EQ(policed_value(strip, v("json"), R"("{\"a\":\"x\\u0000\"}")"), R"({"a":"x"} (nul))") << "JSON in a text";
  EXPECT_EQ(policed_value(strip, v("jsonb"), R"("a\\u0000")"), R"("a\\u0000")") << "a text that spells it";
  EXPECT_EQ(policed_value(strip, v("text"), R"({"a":"\u0000"})"), R"({"a":"\u0000"})")
      << "a text column may hold that JSON";
  EXPECT_EQ(policed_value(strip, v("text[]"), R"(["a\u0000",["b"],null])"), R"({"a",{"b"},NULL} (nul))");
  EXPECT_EQ(policed_value(strip, v("jsonb[]"), R"([{"k":"\u0000"},"{\"a\":\"\\u0000\"}"])"),
            R"({"{\"k\":\"\"}","{\"a\":\"\"}"} (nul))");
  EXPECT_EQ(policed_value(replace, v("hstore"), R"({"k\u0000":"\u0000"})"),
            fmt::format(R"("k{0}"=>"{0}" (nul))", fffd));
  EXPECT_EQ(policed_value(strip, v("int4"), R"("1\u00002")"), "!22P05") << "not a text: 12 would be another number";
  EXPECT_EQ(policed_value(strip, v("uuid"), R"("\u0000")"), "!22P05");
}

TEST(MappingPolicies, what_is_not_utf_8_is_replaced_where_it_is_and_counted_there) {
  const ValuePolicies reject, replace{.utf8 = Utf8Policy::replace};
  EXPECT_EQ(policed_value(reject, v("text"), "\"a\xff\""), "!22021");
  EXPECT_EQ(policed_value(replace, v("text"), "\"a\xff\xe2\x82z\""), fmt::format("a{0}{0}z (utf8)", fffd));
  EXPECT_EQ(policed_value(replace, v("jsonb"), "{\"k\":\"\xc0\"}"), fmt::format("{{\"k\":\"{}\"}} (utf8)", fffd));
  EXPECT_EQ(policed_value(replace, v("text[]"), "[\"\xc3\"]"), fmt::format("{{\"{}\"}} (utf8)", fffd));
  EXPECT_EQ(policed_value(replace, v("int4"), "\"1\xff\""), "!22P02");
  EXPECT_EQ(policed_value(replace, v("text"), fmt::format("\"{}\"", fffd)), std::string(fffd))
      << "that was there already";
  EXPECT_EQ(policed_value(reject, v("text"), R"("\ud83d")"), "!22P05");
  EXPECT_EQ(policed_value(replace, v("text"), R"("\ud83d \ude00 \ud83d\ude00")"),
            fmt::format("{0} {0} 😀 (utf8)", fffd));
  EXPECT_EQ(policed_value(replace, v("jsonb"), R"(["\udc00"])"), fmt::format("[\"{}\"] (utf8)", fffd));

  Fixture fixture(table({{"id", "text"}, {"a", "text"}, {"b", "text"}}));
  fixture.route.values = replace;
  const std::string schema =
      R"({"schema":{"type":"struct","fields":[{"type":"string","field":"id"},{"type":"string","field":"a"},)"
      R"({"type":"string","field":"b"}]},"payload":)";
  const Changes changes = fixture.map({{{}, schema + R"({"id":"1","a":"x","b":"y"}})"},
                                       {{}, "\xEF\xBB\xBF{\"id\":\"2\",\"a\":\"x\",\"b\":\"\xff\"}"},
                                       {{}, schema + "{\"id\":\"3\",\"a\":\"\xff\",\"b\":\"y\"}}"},
                                       {{}, "{\"id\":\"4\xff\",\"a\":\"x\",\"b\":\"y\"}"}});
  ASSERT_EQ(outcomes(changes), "aaad");
  EXPECT_EQ(changes.dead[0].sqlstate, "22021") << "a key is never changed";
  ASSERT_EQ(changes.policy_uses.size(), 2u);
  EXPECT_EQ(changes.policy_uses[0].record, 1u);
  EXPECT_EQ(changes.policy_uses[0].column, 2);
  EXPECT_EQ(changes.policy_uses[1].record, 2u) << "also behind a schema that is known";
  EXPECT_EQ(changes.policy_uses[1].column, 1);
}

TEST(MappingPolicies, texts_are_truncated_by_characters) {
  const ValuePolicies truncate{.too_long = LengthPolicy::truncate};
  EXPECT_EQ(policed_value({}, v("varchar", 3 + 4), R"("abcd")"), "abcd") << "PostgreSQL refuses it";
  EXPECT_EQ(policed_value(truncate, v("varchar", 3 + 4), R"("abcd")"), "abc (too_long)");
  EXPECT_EQ(policed_value(truncate, v("varchar", 3 + 4), R"("äöü😀")"), "äöü (too_long)");
  EXPECT_EQ(policed_value(truncate, v("varchar", 4 + 4), R"("äöü😀")"), "äöü😀");
  EXPECT_EQ(policed_value(truncate, v("bpchar", 2 + 4), R"("abc")"), "ab (too_long)");
  EXPECT_EQ(policed_value(truncate, v("varchar", 3 + 4), R"("abc   ")"), "abc") << "blanks are no loss";
  EXPECT_EQ(policed_value(truncate, v("varchar", 3 + 4), "123456"), "123 (too_long)");
  EXPECT_EQ(policed_value(truncate, v("varchar"), R"("abcd")"), "abcd");
  EXPECT_EQ(policed_value(truncate, v("text"), R"("abcd")"), "abcd");
  EXPECT_EQ(policed_value(truncate, v("varchar[]", 2 + 4), R"(["abc","d"])"), R"({"ab","d"} (too_long))");
}

TEST(MappingPolicies, numbers_out_of_range_become_null_or_the_nearest) {
  const ValuePolicies null{.out_of_range = RangePolicy::null}, clamp{.out_of_range = RangePolicy::clamp};
  EXPECT_EQ(policed_value({}, v("int4"), "2147483648"), "!22003");
  EXPECT_EQ(policed_value(null, v("int4"), "2147483648"), "NULL (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int4"), "2147483648"), "2147483647 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int2"), "-40000"), "-32768 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int2"), R"("40000")"), "32767 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int8"), "1e30"), "9223372036854775807 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int8"), "-9223372036854775809"), "-9223372036854775808 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int4"), "7"), "7");
  EXPECT_EQ(policed_value(clamp, v("int4"), "1.5"), "!22P02") << "in range, but no integer";
  EXPECT_EQ(policed_value(clamp, v("int4"), R"("NaN")"), "!22003") << "nothing is near";
  EXPECT_EQ(policed_value(null, v("int4"), R"("NaN")"), "NULL (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("float4"), "-1e39"), "-3.4028235e+38 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("float4"), "1e-60"), "0 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("float8"), "1e400"), "1.7976931348623157e+308 (out_of_range)");
  EXPECT_EQ(policed_value({}, v("numeric", numeric_modifier(5, 2)), "12345.6"), "12345.6") << "PostgreSQL refuses it";
  EXPECT_EQ(policed_value(null, v("numeric", numeric_modifier(5, 2)), "12345.6"), "NULL (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("numeric", numeric_modifier(5, 2)), "-12345.6"), "-999.99 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("numeric", numeric_modifier(5, 2)), "999.995"), "999.99 (out_of_range)")
      << "rounds up";
  EXPECT_EQ(policed_value(clamp, v("numeric", numeric_modifier(5, 2)), "999.994"), "999.99");
  EXPECT_EQ(policed_value(clamp, v("numeric", numeric_modifier(5, 2)), R"("-Infinity")"), "-999.99 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("numeric"), "1e-20000"), "0." + std::string(16383, '0') + " (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("numeric"), "1e200000"), std::string(131072, '9') + " (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("int2[]"), "[1,70000,[-70000]]"), R"({"1","32767",{"-32768"}} (out_of_range))");
  EXPECT_EQ(policed_value(null, v("int2[]"), "[1,70000]"), R"({"1",NULL} (out_of_range))");
  auto required = v("int2");
  required.not_null = true;
  EXPECT_EQ(policed_value(null, required, "70000"), "!22003");
  EXPECT_EQ(policed_value(clamp, required, "70000"), "32767 (out_of_range)");
}

TEST(MappingPolicies, dates_and_times_out_of_range_become_null_or_the_nearest) {
  const ValuePolicies null{.out_of_range = RangePolicy::null}, clamp{.out_of_range = RangePolicy::clamp};
  EXPECT_EQ(policed_value({}, v("date"), R"("9999999-01-01")"), "!22008");
  EXPECT_EQ(policed_value(null, v("date"), R"("9999999-01-01")"), "NULL (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("date"), R"("9999999-01-01")"), "5874897-12-31 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("timestamp"), R"("300000-01-01 00:00:00")"),
            "294276-12-31 23:59:59.999999 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("timestamptz", 0), R"("300000-01-01T00:00:00+02:00")"),
            "294276-12-31 23:59:59.000000 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("timestamp"), R"("-9999-01-01")"), "-4713-11-24 00:00:00.000000 (out_of_range)");
  EXPECT_EQ(policed_value(null, v("date"), R"("0000-00-00")"), "NULL (out_of_range)") << "MySQL's zero";
  EXPECT_EQ(policed_value(clamp, v("date"), R"("2023-02-30")"), "!22008") << "not a date, so nothing is near";
  EXPECT_EQ(policed_value(clamp, v("time"), R"("24:30:00")"), "24:00:00.000000 (out_of_range)");
  EXPECT_EQ(policed_value(clamp, v("timestamp"), R"("infinity")"), "infinity");
  EXPECT_EQ(policed_value(clamp, v("date[]"), R"(["9999999-01-01","2024-01-02"])"),
            R"({"5874897-12-31","2024-01-02"} (out_of_range))");
}

TEST(MappingPolicies, a_key_is_never_changed) {
  Fixture fixture(table({{"id", "int2"}, {"name", "varchar"}}, {0, 1}), {"id", "name"});
  fixture.route.values = {NulPolicy::strip, Utf8Policy::replace, LengthPolicy::truncate, RangePolicy::clamp,
                          TimeUnit::millis};
  const Changes changes = fixture.map({{{}, R"({"id":70000,"name":"x"})"}, {{}, R"({"id":7,"name":"\u0000"})"}});
  EXPECT_EQ(outcomes(changes), "dd");
  EXPECT_TRUE(changes.policy_uses.empty());
}

TEST(MappingPolicies, integers_without_a_schema_have_the_unit_that_the_route_says) {
  const auto with = [](TimeUnit unit, const std::string& type, const std::string& json) {
    return policed_value({.time_unit = unit}, v(type), json);
  };
  EXPECT_EQ(policed_value({}, v("timestamp"), "1700000000"), "!22007");
  for (const auto& [unit, json] :
       std::initializer_list<std::pair<TimeUnit, const char*>>{{TimeUnit::seconds, "1700000000"},
                                                               {TimeUnit::millis, "1700000000000"},
                                                               {TimeUnit::micros, "1700000000000000"},
                                                               {TimeUnit::nanos, "1700000000000000000"}}) {
    for (const auto chosen : {unit, TimeUnit::automatic}) {
      EXPECT_EQ(with(chosen, "timestamptz", json), "2023-11-14 22:13:20.000000 (time_unit)") << json;
      EXPECT_EQ(with(chosen, "date", json), "2023-11-14 (time_unit)") << json;
    }
  }
  for (const auto& [unit, json] :
       std::initializer_list<std::pair<TimeUnit, const char*>>{{TimeUnit::seconds, "45296"},
                                                               {TimeUnit::millis, "45296000"},
                                                               {TimeUnit::micros, "45296000000"},
                                                               {TimeUnit::nanos, "45296000000000"}}) {
    for (const auto chosen : {unit, TimeUnit::automatic})
      EXPECT_EQ(with(chosen, "time", json), "12:34:56.000000 (time_unit)") << json;
  }
  EXPECT_EQ(with(TimeUnit::automatic, "date", "19675"), "2023-11-14 (time_unit)") << "days";
  EXPECT_EQ(with(TimeUnit::seconds, "timestamp", "-1"), "1969-12-31 23:59:59.000000 (time_unit)");
  EXPECT_EQ(with(TimeUnit::millis, "timestamp", "1700000000.5"), "!22P02");
  EXPECT_EQ(with(TimeUnit::millis, "timestamp", R"("1700000000")"), "!22008") << "a text says its time itself";
  EXPECT_EQ(with(TimeUnit::seconds, "timestamp", "9223372036854775807"), "!22008");
  EXPECT_EQ(with(TimeUnit::seconds, "int8", "1700000000"), "1700000000");
  EXPECT_EQ(with(TimeUnit::millis, "timestamp[]", "[0]"), R"({"1970-01-01 00:00:00"} (time_unit))");
  EXPECT_EQ(policed_value({.out_of_range = RangePolicy::clamp, .time_unit = TimeUnit::seconds}, v("timestamp"),
                          "-99999999999999999999"),
            "-4713-11-24 00:00:00.000000 (out_of_range) (time_unit)");
}

}  // namespace
}  // namespace sluice::mapping::test
