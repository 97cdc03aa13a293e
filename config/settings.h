// Every setting of the configuration file, declared once: what it is called, what it may hold, what it is for and where
// it lands. The parser, the errors, the sample, the reference page and the masked listing all come from this table.
//
// The table is constant and may be read by any thread. A default is whatever config/pipeline.h initialises the field
// with, so it is written down once as well. Durations are in milliseconds, sizes in bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/pipeline.h"

namespace sluice::config {

enum class Type {
  string,
  expression,
  connection,
  urls,
  choice,
  integer,
  boolean,
  duration,
  size,
  strings,
  pairs,
  properties
};

// What a setting holds between the file and the Pipeline: text, expression or choice, number (milliseconds, bytes),
// boolean, list, pairs or properties.
using Properties = std::map<std::string, std::string>;
using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>, Properties>;

struct Setting;

struct Field {
  void (*put)(const Setting& setting, Pipeline& pipeline, Route& route, Value value) = nullptr;
  Value (*get)(const Setting& setting, const Pipeline& pipeline, const Route& route) = nullptr;
};

struct Setting {
  std::string_view section = {};  // empty: the top of the file; "route" may appear many times
  std::string_view name = {};     // with a dot: of a table within the section
  Type type = Type::string;
  Field field = {};
  std::string_view help = {};                  // full sentences
  std::string_view example = {};               // TOML, where there is no default worth showing
  std::string_view unit = {};                  // of an integer
  std::vector<std::string_view> choices = {};  // of a choice, in the order of its enumeration
  std::int64_t least = 0, most = 0;            // of an integer, a duration, a size
  bool required = false;                       // has no default
  std::string_view computed = {};              // the default, where it depends on other settings
  bool reloadable = false;                     // SIGHUP takes it over
  std::string_view file_only = {};             // reloadable, but not set by hand: why not
  bool many_lines = false;                     // of a string: it may have line ends and tabs
  bool may_be_empty = false;                   // of a duration or a size: "" is 0, and shown as ""
  std::string (*check)(const std::string& text) =
      nullptr;  // of a string, each of a list, each value of pairs: what is wrong, or ""
  std::optional<ExpressionError> (*check_expression)(const Expression& expression) = nullptr;  // what is wrong, if any

  std::string key() const;  // "kafka.brokers"
  bool secret() const { return type == Type::connection || type == Type::urls || type == Type::properties; }
};

std::span<const Setting> settings();
std::string_view section_help(std::string_view section);

// One line of the listing of effective settings: TOML text, secrets masked.
struct Shown {
  std::string key;
  std::string value;
  std::string fallback = {};  // value if it were not set; empty if it is required
  bool changed = false;       // differs from that
  bool reloadable = false;
  std::uint32_t digest = 0;  // of the value itself, also where it is masked; not for publication
};
std::vector<Shown> show(const Pipeline& pipeline);

// What two configurations do not have in common, in the order of the listing; empty where one lacks the setting.
struct Difference {
  std::string key;
  std::string before, after;  // as the listing shows them
  bool reloadable = false;
};
std::vector<Difference> differences(const Pipeline& before, const Pipeline& after);
// Sets every setting that a reload takes over as it is in `from`; hooks and jobs as a whole.
void take_reloadable(Pipeline& into, const Pipeline& from);
// Eight hexadecimal digits that differ when the listing does. Says nothing about secrets.
std::string fingerprint(const Pipeline& pipeline);

// Returns the value as it is written in the file; secrets masked.
std::string toml_text(const Setting& setting, const Value& value);
// Describes what the setting accepts: "0ms to 10s", "upsert | insert | update", "1 to 64 connections".
std::string accepted(const Setting& setting);

}  // namespace sluice::config
