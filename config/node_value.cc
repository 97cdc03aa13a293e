#include "config/node_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parse.h"
#include "base/printable.h"
#include "base/units.h"
#include "base/utf8.h"
#include "config/postgres_url.h"
#include "config/references.h"
#include "config/spelling.h"
#include "config/validators.h"

namespace sluice::config {

void complain(toml::source_position at, std::string key, std::string text) {
  throw Complaint{at, std::move(key), std::move(text)};
}

namespace {

constexpr std::size_t longest_list = 1000;

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

// Describes the expected type, for an error about a wrong one.
std::string_view wanted(Type type) {
  switch (type) {
    case Type::integer:
      return "an integer, without quotes";
    case Type::boolean:
      return "true or false, without quotes";
    case Type::duration:
      return "a duration with its unit, like \"50ms\", \"5s\" or \"2m\"";
    case Type::size:
      return "a size with its unit, like \"512KiB\" or \"8MiB\"";
    case Type::strings:
      return "a list of strings, like [\"a\", \"b\"]";
    case Type::pairs:
      return "a table of strings, like { a = \"b\" }";
    case Type::properties:
      return "a table of strings";
    default:
      return "a string in quotes";
  }
}

[[noreturn]] void wrong_type(const toml::node& node, const std::string& key, Type type) {
  const bool bare = node.is_number() && (type == Type::duration || type == Type::size);
  complain(node.source().begin, key,
           bare ? fmt::format("is a number without a unit; write {}", wanted(type))
                : fmt::format("is {}; write {}", kind_of(node), wanted(type)));
}

// A string's value with its references replaced. `raw` is how the file spells it, the form for messages.
struct Text {
  std::string raw;
  std::string value;
};

Text text_of(const toml::node& node, const std::string& key, Type type, bool many_lines = false) {
  const auto* string = node.as_string();
  if (string == nullptr) wrong_type(node, key, type);
  auto value = type == Type::connection ? expand(string->get(), encode_reference)
               : type == Type::urls     ? expand(string->get(), encode_in_http_urls)
                                        : expand(string->get());
  if (!value) complain(node.source().begin, key, value.error());
  const bool secret = type == Type::connection || type == Type::urls || type == Type::properties;
  // Secrets may be certificates of many lines, and a reference may bring a key; nothing else has a use for control
  // characters.
  const bool lines = secret || is_key(*value);
  const auto forbidden = [&](char c) {
    const bool ends_line = many_lines && (c == '\n' || c == '\r' || c == '\t');
    return c == '\0' || (!lines && !ends_line && static_cast<unsigned char>(c) < 0x20);
  };
  if (std::ranges::any_of(*value, forbidden))
    complain(node.source().begin, key, "has a control character in it; remove it");
  return {secret ? "the value" : '"' + printable(string->get()) + '"', std::move(*value)};
}

std::string checked_text(const toml::node& node, const Setting& setting) {
  const bool part = setting.type == Type::strings || setting.type == Type::pairs;
  Text text = text_of(node, setting.key(), part ? Type::string : setting.type, setting.many_lines);
  if (const std::string wrong = setting.check ? setting.check(text.value) : ""; !wrong.empty())
    complain(node.source().begin, setting.key(), fmt::format("{} {}", text.raw, wrong));
  return std::move(text.value);
}

// Where the character of a text that counts from 1 is in the file: exact for a text on one line without escapes.
toml::source_position inside(const toml::node& node, const std::string& text, std::size_t character) {
  const toml::source_region& source = node.source();
  const auto characters = count_characters(text);
  const bool plain = source.begin.line == source.end.line && source.end.column - source.begin.column == characters + 2;
  if (!plain) return source.begin;
  return {source.begin.line, source.begin.column + static_cast<toml::source_index>(character)};
}

std::string expression_of(const toml::node& node, const Setting& setting) {
  std::string text = text_of(node, setting.key(), setting.type).value;
  if (text.empty()) return text;
  const auto refuse = [&](const ExpressionError& wrong) {
    complain(inside(node, text, wrong.column), setting.key(),
             fmt::format("at character {} of the expression: {}{}", wrong.column, wrong.text,
                         wrong.text.contains("; ") ? "" : "; write for example status = 'paid' and total > 10"));
  };
  const auto expression = Expression::parse(text);
  if (!expression) refuse(expression.error());
  if (const auto wrong = setting.check_expression ? setting.check_expression(*expression) : std::nullopt)
    refuse(*wrong);
  return text;
}

std::string word_of(const toml::node& node, const Setting& setting) {
  Text text = text_of(node, setting.key(), setting.type);
  if (std::ranges::find(setting.choices, text.value) != setting.choices.end()) return std::move(text.value);
  complain(node.source().begin, setting.key(), fmt::format("{} is not known; use {}", text.raw, accepted(setting)));
}

// A reference in quotes may stand for a value of any type: what it names is read as if it stood there without quotes.
std::optional<Text> referenced(const toml::node& node, const Setting& setting) {
  const auto* string = node.as_string();
  if (string == nullptr || string->get().find("${") == std::string::npos) return std::nullopt;
  return text_of(node, setting.key(), Type::string);
}

bool boolean_of(const toml::node& node, const Setting& setting) {
  if (const auto boolean = node.value_exact<bool>()) return *boolean;
  const auto text = referenced(node, setting);
  if (!text) wrong_type(node, setting.key(), setting.type);
  if (text->value == "true" || text->value == "false") return text->value == "true";
  complain(node.source().begin, setting.key(),
           fmt::format("what {} names is not true or false; correct it", text->raw));
}

std::int64_t number_of(const toml::node& node, const Setting& setting) {
  std::optional<std::int64_t> number;
  if (setting.type == Type::integer) {
    number = node.value_exact<std::int64_t>();
    if (const auto text = referenced(node, setting)) {
      number = parse_integer<std::int64_t>(text->value);
      if (!number)
        complain(node.source().begin, setting.key(),
                 fmt::format("what {} names is not an integer; correct it", text->raw));
    }
    if (!number) wrong_type(node, setting.key(), setting.type);
  } else {
    const Text text = text_of(node, setting.key(), setting.type);
    if (setting.may_be_empty && text.value.empty()) return 0;
    number = setting.type == Type::duration ? parse_duration(text.value) : parse_size(text.value);
    if (!number)
      complain(node.source().begin, setting.key(),
               fmt::format("{} is not a valid value; write {}", text.raw, wanted(setting.type)));
  }
  if (*number < setting.least || *number > setting.most)
    complain(node.source().begin, setting.key(), fmt::format("is out of bounds; use {}", accepted(setting)));
  return *number;
}

std::vector<std::string> strings_of(const toml::node& node, const Setting& setting) {
  const auto* array = node.as_array();
  if (array == nullptr) wrong_type(node, setting.key(), setting.type);
  if (array->size() > longest_list)
    complain(node.source().begin, setting.key(), fmt::format("has more than {} elements; use fewer", longest_list));
  std::vector<std::string> list;
  for (const toml::node& element : *array) {
    std::string text = checked_text(element, setting);
    if (std::ranges::find(list, text) != list.end())
      complain(element.source().begin, setting.key(), "lists the same value twice; keep one");
    list.push_back(std::move(text));
  }
  if (list.empty() && setting.required)
    complain(node.source().begin, setting.key(), fmt::format("is empty; write {}", setting.example));
  return list;
}

Properties pairs_of(const toml::node& node, const Setting& setting) {
  const auto* table = node.as_table();
  if (table == nullptr) wrong_type(node, setting.key(), setting.type);
  if (table->size() > longest_list)
    complain(node.source().begin, setting.key(), fmt::format("has more than {} elements; use fewer", longest_list));
  Properties pairs;
  for (const auto& [name, value] : *table) {
    if (value.is_table())
      complain(name.source().begin, setting.key(), "has a name with a dot that is not in quotes; write \"a.b\" = …");
    pairs.emplace(std::string(name.str()), checked_text(value, setting));
  }
  return pairs;
}

// A name without quotes, security.protocol = …, is TOML for nested tables; it is read as one name.
void add_properties(const toml::table& table, const std::string& key, const std::string& prefix,
                    Properties& properties) {
  for (const auto& [name, node] : table) {
    const std::string property = prefix + std::string(name.str());
    const std::string full = key + '.' + printable(property);
    if (const auto* nested = node.as_table()) {
      add_properties(*nested, key, property + '.', properties);
      continue;
    }
    for (const Refused& refused : refused_properties())
      if (refused.property.ends_with('.') ? property.starts_with(refused.property) : property == refused.property)
        complain(name.source().begin, full, fmt::format("is refused: {}; remove it", refused.reason));
    std::string value;
    if (const auto number = node.value_exact<std::int64_t>())
      value = fmt::to_string(*number);
    else if (const auto boolean = node.value_exact<bool>())
      value = *boolean ? "true" : "false";
    else
      value = text_of(node, full, Type::properties).value;
    if (!properties.emplace(property, std::move(value)).second)
      complain(name.source().begin, full, "is set twice, with and without quotes; keep one");
  }
}

}  // namespace

Value value_of(const toml::node& node, const Setting& setting) {
  switch (setting.type) {
    case Type::string:
    case Type::connection:
    case Type::urls:
      return checked_text(node, setting);
    case Type::expression:
      return expression_of(node, setting);
    case Type::choice:
      return word_of(node, setting);
    case Type::integer:
    case Type::duration:
    case Type::size:
      return number_of(node, setting);
    case Type::strings:
      return strings_of(node, setting);
    case Type::pairs:
      return pairs_of(node, setting);
    case Type::boolean:
      return boolean_of(node, setting);
    case Type::properties:
      break;
  }
  const auto* table = node.as_table();
  if (table == nullptr) wrong_type(node, setting.key(), setting.type);
  Properties properties;
  add_properties(*table, setting.key(), "", properties);
  return properties;
}

}  // namespace sluice::config
