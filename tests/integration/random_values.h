// Random values of every family of types: what an event says, as text or as JSON has it, and the text of the same value
// that PostgreSQL is given. Plain functions over a seeded generator; only forms that PostgreSQL takes.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_text.h"
#include "base/value_policies.h"

namespace sluice::sink::test {

// The value as the event has it, and the text that PostgreSQL is given.
struct Told {
  std::string json, text;
};

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(last - first) + 1));
  }
  bool one_in(int count) { return below(count) == 0; }
  std::uint64_t bits() { return random_(); }
  std::string of(std::initializer_list<const char*> words) {
    return words.begin()[below(static_cast<std::int64_t>(words.size()))];
  }
  std::string some_of(std::string_view letters, std::int64_t most, std::int64_t least = 0) {
    std::string made;
    for (std::int64_t left = between(least, most); left > 0; --left) made += letters[below(std::ssize(letters))];
    return made;
  }
  // A whole number of `bits` bits, of any length.
  std::int64_t whole(int bits) {
    const auto value = static_cast<std::int64_t>(random_());
    return value >> (64 - bits) >> below(bits);
  }

 private:
  std::mt19937_64 random_;
};

inline std::string as_json(std::string_view text) {
  std::string json;
  append_json_string(text, json);
  return json;
}

inline Told said(const std::string& text) {
  return {as_json(text), text};
}

// As a number of JSON, or as a text.
inline Told counted(Chance& chance, const std::string& text) {
  return {chance.one_in(3) ? as_json(text) : text, text};
}

// Only as a number.
inline Told count(const std::string& text) {
  return {text, text};
}

inline std::string decimal_text(Chance& chance, int digits, int scale) {
  std::string text = chance.of({"", "", "-"}) + chance.some_of("123456789", 1, 1);
  text += chance.some_of("0123456789", digits - 1);
  if (chance.one_in(8)) text = chance.of({"0", "-0"});
  if (scale > 0 && !chance.one_in(4)) text += "." + chance.some_of("00000123456789", scale, 1);
  return text;
}

inline Told decimal(Chance& chance) {
  if (chance.one_in(50)) return said(chance.of({"NaN", "Infinity", "-Infinity"}));
  std::string text = decimal_text(chance, 40, 40);
  if (chance.one_in(5)) text += chance.of({"e", "E"}) + chance.of({"", "+", "-"}) + std::to_string(chance.below(60));
  return counted(chance, text);
}

inline Told real(Chance& chance, bool single) {
  if (chance.one_in(30)) return said(chance.of({"NaN", "Infinity", "-Infinity", "-0", "0"}));
  if (chance.one_in(4)) return counted(chance, decimal_text(chance, 20, 20));
  if (single) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(chance.bits()));
    return std::isfinite(value) ? counted(chance, fmt::format("{}", value)) : said("NaN");
  }
  const auto value = std::bit_cast<double>(chance.bits());
  return std::isfinite(value) ? counted(chance, fmt::format("{}", value)) : said("NaN");
}

inline std::string characters(Chance& chance, int most) {
  std::string text;
  for (auto left = chance.below(most + 1); left > 0; --left)
    text += chance.of({"a",  "b",  "Z",    "0",    " ", "é", "ß", "中",   "😀", "\"",     "\\", "'",
                       "\n", "\t", "\x01", "\x7f", "{", "}", ",", "NULL", "%",  "\u2028", "İ"});
  return text;
}

inline std::string trimmed(std::string text, std::size_t most) {  // to so many characters
  std::size_t at = 0, count = 0;
  while (at < text.size() && count < most) {
    do ++at;
    while (at < text.size() && (text[at] & 0xC0) == 0x80);
    ++count;
  }
  return text.substr(0, at);
}

inline std::string day_text(Chance& chance, int first, int last) {
  const auto year = chance.one_in(3) ? chance.between(first, last) : chance.between(1900, 2100);
  const auto of_year = year < 1 ? 1 - year : year;
  return fmt::format("{:04}-{:02}-{:02}{}", of_year, chance.between(1, 12), chance.between(1, 28),
                     year < 1 ? " BC" : "");
}

inline std::string clock_text(Chance& chance) {
  auto text = fmt::format("{:02}:{:02}:{:02}", chance.below(24), chance.below(60), chance.below(60));
  return chance.one_in(3) ? text : text + "." + chance.some_of("0123456789", 6, 1);
}

inline std::string zone_text(Chance& chance) {
  auto text = fmt::format("{}{:02}", chance.of({"+", "-"}), chance.below(15));
  if (!chance.one_in(3)) text += fmt::format("{}{:02}", chance.of({":", ":", ""}), chance.below(60));
  return chance.one_in(4) ? "Z" : text;
}

inline std::string stamp_text(Chance& chance, bool zone) {
  if (chance.one_in(40)) return chance.of({"infinity", "-infinity"});
  std::string day = day_text(chance, -4711, 294275), era;
  if (day.ends_with(" BC")) era = " BC", day.resize(day.size() - 3);
  return day + chance.of({" ", "T"}) + clock_text(chance) + (zone ? zone_text(chance) : "") + era;
}

inline std::string interval_text(Chance& chance) {
  if (chance.one_in(3))
    return fmt::format("P{}Y{}M{}DT{}H{}M{}S", chance.below(300), chance.below(12), chance.below(40), chance.below(30),
                       chance.below(60), decimal_text(chance, 2, 6));
  return fmt::format("{} years {} mons {} days {}{}", chance.between(-200, 200), chance.below(12),
                     chance.between(-40, 40), chance.of({"", "-"}), clock_text(chance));
}

inline std::string array_literal(const std::vector<std::optional<std::string>>& items) {
  std::string text = "{";
  for (const auto& item : items) {
    if (text.size() > 1) text += ',';
    if (!item) {
      text += "NULL";
      continue;
    }
    text += '"';
    for (const char c : *item) text += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    text += '"';
  }
  return text + "}";
}

// A JSON array, or PostgreSQL's own notation.
inline Told array(Chance& chance, const std::function<Told(Chance&)>& item_of) {
  std::vector<std::optional<std::string>> items;
  std::string json = "[";
  for (auto left = chance.below(6); left > 0; --left) {
    if (json.size() > 1) json += ',';
    if (chance.one_in(6)) {
      json += "null";
      items.emplace_back();
      continue;
    }
    const Told item = item_of(chance);
    json += item.json;
    items.emplace_back(item.text);
  }
  const std::string text = array_literal(items);
  return chance.one_in(4) ? said(text) : Told{json + "]", text};
}

inline Told matrix(Chance& chance) {
  const auto rows = chance.between(1, 3), columns = chance.between(1, 3);
  std::string json, text;
  for (auto row = rows; row > 0; --row) {
    std::string items;
    for (auto column = columns; column > 0; --column)
      items += (items.empty() ? "" : ",") + std::to_string(chance.whole(32));
    json += (json.empty() ? "[" : ",[") + items + "]";
    text += (text.empty() ? "{" : ",{") + items + "}";
  }
  return {"[" + json + "]", "{" + text + "}"};
}

inline std::string document(Chance& chance, int depth) {
  const auto what = chance.below(depth > 0 ? 8 : 5);
  if (what == 0) return chance.of({"true", "false"});
  if (what <= 2) return decimal_text(chance, 25, 10) + (chance.one_in(6) ? "E" + std::to_string(chance.below(20)) : "");
  if (what <= 4) return as_json(characters(chance, 8));
  const bool object = what > 5;
  std::string text;
  for (auto left = chance.below(4); left > 0; --left) {
    if (!text.empty()) text += chance.of({",", ", "});
    if (object) text += as_json(characters(chance, 3)) + chance.of({":", " : "});
    text += document(chance, depth - 1);
  }
  return object ? "{" + text + "}" : "[" + text + "]";
}

inline Told json(Chance& chance) {
  std::string text = document(chance, 4);
  // A JSON string that holds an object is read as that object, and would be compared with itself.
  while (text.starts_with('"') && text.contains('{')) text = document(chance, 4);
  // A text of JSON is read as JSON where it is an object or an array; another one is a JSON string itself.
  return (text[0] == '{' || text[0] == '[') && chance.one_in(3) ? said(text) : Told{text, text};
}

inline std::string base64(std::string_view bytes) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t n = 0; n < 3; ++n)
      group = group << 8 | (at + n < bytes.size() ? static_cast<unsigned char>(bytes[at + n]) : 0);
    for (int shift = 18; shift >= 0; shift -= 6) text += letters[group >> shift & 63];
  }
  if (bytes.size() % 3)
    text.replace(text.size() - (3 - bytes.size() % 3), std::string::npos, 3 - bytes.size() % 3, '=');
  return text;
}

inline Told binary(Chance& chance) {
  std::string bytes, hex = "\\x";
  for (auto left = chance.below(20); left > 0; --left) {
    bytes += static_cast<char>(chance.bits());
    hex += fmt::format("{:02x}", static_cast<unsigned char>(bytes.back()));
  }
  return chance.one_in(3) ? said(hex) : Told{as_json(base64(bytes)), hex};
}

inline std::string uuid_text(Chance& chance) {
  const std::string hex = chance.some_of(chance.of({"0123456789abcdef", "0123456789ABCDEF"}), 32, 32);
  if (chance.one_in(4)) return hex;
  const auto text = fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                                hex.substr(16, 4), hex.substr(20));
  return chance.one_in(6) ? "{" + text + "}" : text;
}

inline std::string range_text(Chance& chance, const std::function<std::string(int)>& bound) {
  if (chance.one_in(15)) return "empty";
  const bool open = chance.one_in(6), endless = chance.one_in(6);
  return chance.of({"[", "("}) + (open ? "" : bound(0)) + "," + (endless ? "" : bound(1)) + chance.of({")", "]"});
}

inline std::string network_text(Chance& chance, bool host_bits) {
  if (chance.one_in(3)) {
    const auto text = fmt::format("2001:db8:{:x}::", chance.below(65536));
    return host_bits ? text + fmt::format("{:x}/{}", chance.below(65536), chance.between(0, 128)) : text + "/48";
  }
  const auto first = fmt::format("{}.{}", chance.below(256), chance.below(256));
  if (!host_bits) return first + ".0.0/16";
  const auto text = fmt::format("{}.{}.{}", first, chance.below(256), chance.below(256));
  return chance.one_in(2) ? text : text + fmt::format("/{}", chance.between(0, 32));
}

struct Family {
  const char* name;
  const char* type;
  std::function<Told(Chance&)> value;
  bool is_key = true;              // PostgreSQL can have it as a primary key
  const char* expected = nullptr;  // of the text `told`, where it is no cast to the type
  TimeUnit unit = TimeUnit::reject;
};

inline std::vector<Family> numbers() {
  return {
      {"smallint", "smallint", [](Chance& c) { return counted(c, std::to_string(c.whole(16))); }},
      {"integer", "integer", [](Chance& c) { return counted(c, std::to_string(c.whole(32))); }},
      {"bigint", "bigint", [](Chance& c) { return counted(c, std::to_string(c.whole(64))); }},
      {"numeric", "numeric", decimal},
      {"numeric_scaled", "numeric(12,3)", [](Chance& c) { return counted(c, decimal_text(c, 8, 9)); }},
      {"real", "real", [](Chance& c) { return real(c, true); }},
      {"double", "double precision", [](Chance& c) { return real(c, false); }},
      {"money", "money", [](Chance& c) { return said(decimal_text(c, 12, 2)); }},
      {"boolean", "boolean",
       [](Chance& c) {
         const auto text = c.of({"true", "false", "t", "f", "yes", "no", "on", "off", "1", "0", "TRUE", "y", "n"});
         const bool plain = text == "true" || text == "false" || text == "1" || text == "0";
         return plain && c.one_in(2) ? Told{text, text} : said(text);
       }},
  };
}

inline std::vector<Family> texts_and_bytes() {
  return {
      {"text", "text", [](Chance& c) { return said(characters(c, 30)); }},
      {"varchar", "varchar(12)", [](Chance& c) { return said(trimmed(characters(c, 20), 12)); }},
      {"char", "char(6)", [](Chance& c) { return said(trimmed(characters(c, 9), 6)); }},
      {"name", "name", [](Chance& c) { return said(c.some_of("abcXYZ_ 0", 60)); }},
      {"bytea", "bytea", binary},
      {"uuid", "uuid", [](Chance& c) { return said(uuid_text(c)); }},
      {"bit", "bit(7)", [](Chance& c) { return said(c.some_of("01", 7, 7)); }},
      {"varbit", "varbit", [](Chance& c) { return said(c.some_of("01", 40)); }},
      {"json", "json", json, false},
      {"jsonb", "jsonb", json, false},  // a text means another thing in an envelope
      {"enumeration", "mood", [](Chance& c) { return said(c.of({"low", "Very High", "it's"})); }},
      {"domain", "percent", [](Chance& c) { return counted(c, std::to_string(c.between(0, 100))); }},
      {"composite", "place",
       [](Chance& c) {
         const auto x = std::to_string(c.whole(32)), name = characters(c, 6);
         std::string inner;
         for (const char letter : name)
           inner += letter == '"' || letter == '\\' ? std::string{letter, letter} : std::string{letter};
         const auto text = fmt::format("({},\"{}\")", x, inner);
         return c.one_in(2) ? said(text) : Told{fmt::format(R"({{"x":{},"name":{}}})", x, as_json(name)), text};
       }},
  };
}

inline std::vector<Family> times() {
  return {
      {"date", "date", [](Chance& c) { return said(c.one_in(40) ? "infinity" : day_text(c, -4711, 9999)); }},
      {"time", "time", [](Chance& c) { return said(c.one_in(40) ? "24:00:00" : clock_text(c)); }},
      {"timetz", "timetz", [](Chance& c) { return said(clock_text(c) + zone_text(c)); }},
      {"timestamp", "timestamp", [](Chance& c) { return said(stamp_text(c, false)); }},
      {"timestamp_short", "timestamp(2)", [](Chance& c) { return said(stamp_text(c, false)); }},
      {"timestamptz", "timestamptz", [](Chance& c) { return said(stamp_text(c, true)); }},
      {"interval", "interval", [](Chance& c) { return said(interval_text(c)); }},
      {"counted_micros", "timestamp",
       [](Chance& c) { return count(std::to_string(c.between(-62'000'000'000'000'000, 200'000'000'000'000'000))); },
       true,
       "timestamp 'epoch' + told::bigint / 1000000 * interval '1 second' + told::bigint % 1000000 * interval "
       "'1 microsecond'",
       TimeUnit::micros},
      {"counted_millis", "timestamptz",
       [](Chance& c) { return count(std::to_string(c.between(-62'000'000'000'000, 200'000'000'000'000))); }, true,
       "(timestamp 'epoch' + told::bigint / 1000 * interval '1 second' + told::bigint % 1000 * interval '1 millisecond') "
       "at time zone 'UTC'",
       TimeUnit::millis},
      {"counted_days", "date", [](Chance& c) { return count(std::to_string(c.between(-700'000, 999'999))); }, true,
       "date '1970-01-01' + told::int", TimeUnit::automatic},
  };
}

inline std::vector<Family> arrays_ranges_and_networks() {
  const auto day = [](Chance& c, int at) {
    return fmt::format("{}-{:02}-{:02}", 2001 + 5 * at, c.between(1, 12), c.between(1, 28));
  };
  return {
      {"integers", "int[]",
       [](Chance& c) { return array(c, [](Chance& d) { return counted(d, std::to_string(d.whole(32))); }); }},
      {"matrices", "int[]", matrix},
      {"texts", "text[]", [](Chance& c) { return array(c, [](Chance& d) { return said(characters(d, 6)); }); }},
      {"numerics", "numeric[]", [](Chance& c) { return array(c, decimal); }},
      {"reals", "double precision[]", [](Chance& c) { return array(c, [](Chance& d) { return real(d, false); }); }},
      {"instants", "timestamptz[]",
       [](Chance& c) { return array(c, [](Chance& d) { return said(stamp_text(d, true)); }); }},
      {"uuids", "uuid[]", [](Chance& c) { return array(c, [](Chance& d) { return said(uuid_text(d)); }); }},
      {"addresses", "inet[]",
       [](Chance& c) { return array(c, [](Chance& d) { return said(network_text(d, true)); }); }},
      {"int8range", "int8range",
       [](Chance& c) {
         return said(range_text(c, [&](int at) { return std::to_string(c.between(at * 1000 - 1000, at * 1000 - 1)); }));
       }},
      {"numrange", "numrange",
       [](Chance& c) {
         return said(range_text(c, [&](int at) { return fmt::format("{}.{}", at * 10 + c.below(9), c.below(99)); }));
       }},
      {"daterange", "daterange", [day](Chance& c) { return said(range_text(c, [&](int at) { return day(c, at); })); }},
      {"tstzrange", "tstzrange",
       [day](Chance& c) {
         return said(
             range_text(c, [&](int at) { return '"' + day(c, at) + " " + clock_text(c) + zone_text(c) + '"'; }));
       }},
      {"inet", "inet", [](Chance& c) { return said(network_text(c, true)); }},
      {"cidr", "cidr", [](Chance& c) { return said(network_text(c, false)); }},
      {"macaddr", "macaddr",
       [](Chance& c) {
         return said("08:00:2b:" + c.some_of("0123456789abcdef", 2, 2) +
                     ":01:" + c.some_of("0123456789abcdefABCDEF", 2, 2));
       }},
      {"point", "point", [](Chance& c) { return said(fmt::format("({},{})", c.whole(20), decimal_text(c, 4, 3))); },
       false},
      {"tsvector", "tsvector",
       [](Chance& c) {
         return said(fmt::format("'{}':{} {}", c.some_of("ab c", 5, 1), c.between(1, 9), c.some_of("xyz", 3, 1)));
       }},
      {"pg_lsn", "pg_lsn",
       [](Chance& c) { return said(fmt::format("{:X}/{:X}", c.below(1 << 20), c.below(1 << 30))); }},
  };
}

}  // namespace sluice::sink::test
