// Texts of dates and times, right ones and nearly right ones: what is read here is what PostgreSQL reads, and what
// PostgreSQL refuses is refused with the same SQLSTATE.
#include <algorithm>
#include <cctype>

#include "base/parse.h"
#include "mapping/encode/encoder.h"
#include "tests/integration/random_values.h"
#include "tests/integration/sink_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

std::string number_near(Chance& chance, int usual_end, int width) {
  const auto value = chance.one_in(12) ? chance.of({"0", "00", "24", "59", "60", "99", "100", "1", "31", "15", "16"})
                                       : fmt::format("{:0{}}", chance.below(usual_end), width);
  return value;
}

std::string near_day(Chance& chance) {
  const auto year = chance.of({"2024", "1999", "2000", "0001", "0000", "0004", "4713", "4714", "12345", "294276",
                               "294277", "5874897", "5874898", "99", "1900", "2100"});
  const auto month = chance.one_in(12) ? number_near(chance, 14, 2) : fmt::format("{:02}", chance.between(1, 12));
  const auto day = chance.one_in(12) ? number_near(chance, 32, 2) : fmt::format("{:02}", chance.between(1, 31));
  const auto dash = chance.one_in(12) ? chance.of({"/", "", "."}) : "-";
  return year + dash + month + dash + day;
}

std::string near_clock(Chance& chance) {
  auto text = number_near(chance, 25, 2);
  const auto colon = chance.one_in(15) ? "" : ":";
  text += colon + number_near(chance, 60, 2);
  if (!chance.one_in(8)) text += colon + number_near(chance, 61, 2);
  if (chance.one_in(2)) return text;
  std::string fraction = chance.some_of("0123456789", 12, 1);
  if (chance.one_in(2)) fraction = chance.some_of("0123456789", 6, 6) + chance.of({"5", "50", "500", "4999", "5001"});
  if (chance.one_in(10)) fraction = chance.of({"999999", "9999994", "9999995", "9999996", "0000005", "0000015"});
  return text + "." + fraction;
}

std::string near_zone(Chance& chance) {
  if (chance.one_in(3)) return chance.of({"Z", "z", " UTC", "UTC", "GMT", " Z", "+00"});
  auto text = chance.of({"+", "-"}) + number_near(chance, 18, chance.one_in(8) ? 1 : 2);
  if (chance.one_in(2)) text += chance.of({":", ":", ""}) + number_near(chance, 61, 2);
  if (chance.one_in(8)) text += chance.of({":", ""}) + number_near(chance, 61, 2);
  return chance.one_in(8) ? " " + text : text;
}

// One slip of whoever wrote it; words stay whole, as those of the server's zones are not known here.
std::string slipped(Chance& chance, std::string text) {
  if (text.empty() || !chance.one_in(6)) return text;
  const auto at = static_cast<std::size_t>(chance.below(std::ssize(text)));
  if (std::isalpha(static_cast<unsigned char>(text[at])) ||
      (at > 0 && std::isalpha(static_cast<unsigned char>(text[at - 1]))))
    return text;
  switch (chance.below(4)) {
    case 0:
      return text.erase(at, 1);
    case 1:
      return text.insert(at, 1, text[at]);
    case 2:
      text[at] = chance.some_of("0123456789:-+. /,", 1, 1).front();
      return text;
    default:
      return text.insert(at, chance.some_of("0123456789:-+. /,", 1, 1));
  }
}

std::string with_names(Chance& chance) {
  const auto month = chance.of({"Jan", "january", "FEB", "Mar", "may", "Sept", "December"});
  const auto day = number_near(chance, 32, chance.one_in(3) ? 1 : 2),
             year = chance.of({"2024", "1999", "12345", "85", "0"});
  const auto between = chance.of({" ", " ", "-", "/", ", "});
  std::string text = chance.one_in(3) ? chance.of({"Fri, ", "friday ", "Wed "}) : "";
  text += chance.one_in(3) ? month + between + day + between + year : day + between + month + between + year;
  if (chance.one_in(3)) return text;
  text += " " + near_clock(chance) + chance.of({"", "", " PM", "am", " GMT", " +02", " AD"});
  return text;
}

std::string near_moment(Chance& chance, std::string_view type) {
  std::string text;
  if (type == "time") {
    text = near_clock(chance) + (chance.one_in(8) ? chance.of({" PM", "am", "Z", " UTC"}) : "");
  } else if (chance.one_in(6)) {
    text = with_names(chance);
  } else {
    text = near_day(chance);
    const bool clock = chance.below(100) < (type == "date" ? 10 : 85);
    if (clock) text += chance.of({" ", "T", "T", "  ", "t"}) + near_clock(chance);
    if (chance.one_in(type == "date" ? 12 : 2)) text += near_zone(chance);
    if (chance.one_in(12)) text += " BC";
  }
  return slipped(chance, text);
}

struct Kind {
  const char* type;
  const char* read;  // of the text: a timestamp without a zone is that of UTC, as events have it
  Encoding encoding;
};

class Times : public SinkTest {
 protected:
  // What the server makes of each text: bytes in hexadecimal, or ! and the SQLSTATE. A text that it takes for different
  // days under different styles of dates is not to be taken for any.
  std::vector<std::string> theirs(const Kind& kind, const std::vector<std::string>& texts) {
    std::string list;
    for (const auto& text : texts) list += fmt::format("{}'{}'", list.empty() ? "" : ",", text);
    const auto lines = sql(fmt::format(
        "SELECT judged(told, $kind${}$kind$) FROM unnest(ARRAY[{}]) WITH ORDINALITY AS t(told, n) ORDER BY n",
        kind.read, list));
    return split_lines(lines);
  }
  static std::string ours(const Kind& kind, const std::string& text) {
    Column column;
    column.encoding = kind.encoding;
    std::string bytes, hex;
    Cell cell;
    const auto error = mapping::Encoder().encode(column, sluice::Value::text(text), false, bytes, cell);
    if (error) return fmt::format("!{}", error.sqlstate);
    for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return hex;
  }
  static std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (const auto line : sluice::split(text, '\n')) lines.emplace_back(line);
    return lines;
  }
};

// Where events have more, or the table less, than PostgreSQL's input: a year with a sign, a zone in a time, and up to
// version 14 a point without a fraction.
bool is_apart(const Kind& kind, const std::string& text, int server) {
  for (auto point = text.find('.'); server < 15 && point != text.npos; point = text.find('.', point + 1))
    if (point + 1 == text.size() || text[point + 1] < '0' || text[point + 1] > '9') return true;
  return kind.encoding == Encoding::time ? text.find_first_of("+-") != text.npos : text.find_first_of("+-") == 0;
}

TEST_F(Times, near_texts_are_read_as_postgresql_reads_them_or_refused_with_its_sqlstate) {
  const int count = rounds_wanted(2000), version = server();
  sql("SET search_path = " + schema + "; SET timezone = 'UTC'");
  sql(R"(CREATE FUNCTION judged(told text, kind text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE style text; first text; other text;
    BEGIN
      FOREACH style IN ARRAY ARRAY['ISO, MDY', 'ISO, DMY', 'ISO, YMD'] LOOP
        PERFORM set_config('datestyle', style, true);
        BEGIN
          EXECUTE format(kind, told) INTO other;
        EXCEPTION WHEN OTHERS THEN other := '!' || SQLSTATE; END;
        IF first IS NULL THEN first := other; END IF;
        IF first LIKE '!%' THEN RETURN first; END IF;
        IF first <> other THEN RETURN '!22007'; END IF;
      END LOOP;
      RETURN first;
    END $$)");
  constexpr Kind kinds[] = {
      {"date", "SELECT encode(date_send(%L::date), 'hex')", Encoding::date},
      {"time", "SELECT encode(time_send(%L::time), 'hex')", Encoding::time},
      {"timestamp", "SELECT encode(timestamp_send(%L::timestamptz::timestamp), 'hex')", Encoding::timestamp},
      {"timestamptz", "SELECT encode(timestamptz_send(%L::timestamptz), 'hex')", Encoding::timestamptz}};
  for (const Kind& kind : kinds) {
    Chance chance(20261128);
    constexpr int together = 500;
    int compared = 0, refused = 0;
    for (int left = count; left > 0; left -= together) {
      std::vector<std::string> texts;
      for (int n = 0; n < std::min(left, together); ++n) texts.push_back(near_moment(chance, kind.type));
      const auto judged = theirs(kind, texts);
      ASSERT_EQ(judged.size(), texts.size());
      for (std::size_t n = 0; n < texts.size(); ++n) {
        if (is_apart(kind, texts[n], version)) continue;
        EXPECT_EQ(ours(kind, texts[n]), judged[n]) << kind.type << " '" << texts[n] << "'";
        ++compared;
        refused += judged[n].starts_with('!');
      }
    }
    EXPECT_GT(compared, count * 7 / 10) << kind.type;
    EXPECT_GT(refused, count / 10) << kind.type;
    EXPECT_GT(compared - refused, count / 10) << kind.type;
  }
}

}  // namespace
}  // namespace sluice::sink::test
