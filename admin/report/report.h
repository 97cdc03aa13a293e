// A command's result: columns declared once (admin/report/declared.h), values beside them, and from the two an aligned
// table for people, JSON and CSV for programs. All forms show the same numbers.
//
// Values of one thread, built by a handler and shown by the interpreter. Texts may hold anything: the forms escape
// them. Durations are seconds, times are UTC.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "admin/partition_state.h"
#include "admin/report/filter.h"
#include "base/clock.h"

namespace sluice::report {

enum class ColumnType : std::uint8_t {
  text,
  number,   // grouped: 12 403
  id,       // a number to be typed again, so not grouped
  rate,     // per second, 18.1k for people
  seconds,  // 1.8s, 2h 10m for people
  content,  // of a record; for people not the whole of a long one
  time,
  yes_no,
  texts,  // a list
  json,   // a text that is JSON, and stays so in JSON
};

// A word that is good or bad, and shown in a colour where there are colours.
struct Status {
  std::string text;
  Severity severity = Severity::good;
};

// Empty: not known, null in JSON, - in a table.
using Value = std::variant<std::monostate, std::string, Status, std::int64_t, double, bool, WallClock::time_point,
                           std::vector<std::string>>;

struct Column {
  std::string_view name;  // the JSON key
  ColumnType kind = ColumnType::text;
  std::string_view unit = {};
  std::string_view label = {};  // for people, where the name is not good enough
  std::string_view line = {};   // of a record: fields of one line stand side by side
  bool people = false;          // not in JSON and CSV
  bool programs = false;        // only there
  bool optional = false;        // not in every result of its command
  bool nullable = false;        // may be without a value; the others never are, and a list is empty then
};

struct Section {
  std::string_view name = {};  // the JSON key; empty: the data itself
  std::vector<Column> columns = {};
  std::vector<std::vector<Value>> rows = {};
  bool record = false;    // one row, shown as lines, an object in JSON
  bool optional = false;  // not in every result of its command
};

struct Report {
  std::vector<Section> sections;
  std::vector<std::string> notes;  // lines for people below the sections; programs do not need them
  bool pages = false;              // a list that may be longer than a screen: one table, then notes
  std::string line;                // one line for people, instead of the sections
  std::string text;                // instead of sections: a page, {"text": …} in JSON; may hold line ends
};

struct Rendering {
  bool color = false;
  int columns = 0;  // tables are cut to it; 0: they are not
  bool utf8 = true;
  std::optional<WallClock::time_point> now = {};  // times are shown as distances from it
};

std::string as_text(const Report& report, const Rendering& rendering, const std::vector<Filter>& filters);
// The "v" of the documents: fields are added within a version; another one renames, removes or means something else.
inline constexpr int json_version = 1;
// {"v":1,"command":…,"at":…,"data":…} and a line end.
std::string as_json(const Report& report, std::string_view command, WallClock::time_point at);
// The data alone, and a line end.
std::string as_json_line(const Report& report);
// Of every section that is not a record, with a line of names first.
std::string as_csv(const Report& report);

// A value for people, without colour: escaped, with its unit where `with_unit`.
std::string cell_text(const Column& column, const Value& cell, bool with_unit);

Value optional_text(const std::string& text);  // an empty text is not a value
Value optional_text(const std::optional<std::string>& text);
Value optional_number(const std::optional<double>& number);
Value known_or_nothing(std::int64_t number);  // a negative one is not known
Value optional_time(const std::optional<WallClock::time_point>& at);

}  // namespace sluice::report
