#include "runtime/init/topic_draft.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/http_url.h"
#include "base/parse.h"
#include "base/table_name.h"
#include "config/conninfo.h"
#include "config/references.h"
#include "config/secret_files.h"
#include "config/settings.h"
#include "config/spelling.h"
#include "config/table_template.h"
#include "config/validators.h"
#include "runtime/init/draft.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t most_columns = 1000;
constexpr std::string_view deleted_mark = "__deleted";

struct DraftColumn {
  std::string name, type, remark;
};

// Where the key comes from, and why that was chosen.
struct KeyChoice {
  std::vector<std::string> columns;
  std::string from;    // empty: as the default
  std::string remark;  // empty: nothing to be decided
};

std::string word_of(config::Format format) {
  for (const auto& setting : config::settings())
    if (setting.key() == "route.format") return std::string(setting.choices.at(static_cast<std::size_t>(format)));
  return "auto";
}

// A name that somebody would give a table: small letters, digits and underscores.
std::string table_of_topic(std::string_view topic) {
  auto name = std::string(topic.substr(topic.rfind('.') + 1));
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? lower(c) : '_';
  return name.empty() ? "events" : name.substr(0, longest_identifier);
}

bool is_column(std::string_view name) {
  return !name.empty() && name.size() <= longest_identifier;
}

bool can_be_written(std::string_view name) {
  return std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

class TopicDraft {
 public:
  TopicDraft(const TopicPlace& place, const TopicSample& sample, const TopicShape& shape)
      : place_(place), sample_(sample), shape_(shape) {}

  std::string text() {
    key_ = choose_key();
    choose_columns();
    head();
    servers();
    ddl();
    route();
    return draft_.text();
  }

 private:
  bool usable(const ShapedColumn& column) const { return is_column(column.name) && can_be_written(column.name); }

  // All rows have a value in it.
  bool always_there(const ShapedColumn& column) const { return shape_.rows > 0 && column.rows >= shape_.rows; }

  KeyChoice choose_key() const {
    const bool complete = shape_.keyed > 0 && shape_.unkeyed == 0;
    if (complete && shape_.object_keys && !shape_.scalar_keys &&
        std::ranges::all_of(shape_.key, [&](const auto& one) { return usable(one); })) {
      KeyChoice key;
      for (const auto& field : shape_.key) key.columns.push_back(field.name);
      if (shape_.keys_differ) key.remark = "not all record keys have the same fields";
      return key;
    }
    if (complete && shape_.scalar_keys && !shape_.object_keys) return key_of_scalar();
    if (shape_.records == 0) return {{"id"}, "", "no record was seen, so the key is a guess"};
    auto key = guessed_key();
    key.remark = fmt::format(
        "{}; {}",
        shape_.keyed > 0 ? "only some records have a key, or keys of several kinds" : "the records have no key",
        key.remark);
    return key;
  }

  // The field that the key repeats, or a column of its own.
  KeyChoice key_of_scalar() const {
    const auto* field = key_like(2);
    if (field != nullptr && !shape_.deletes && field->values.size() > shape_.key.front().values.size())
      return {{field->name},
              "record_value",
              "records with the same key differ in this field, so the record key seems to serve "
              "partitioning only; make sure that the field names a row"};
    std::string found;
    for (const auto& column : shape_.columns) {
      const bool equal = shape_.keyed_rows > 0 && column.equals_key == shape_.keyed_rows && usable(column);
      if (equal && (found.empty() || column.name == "id")) found = column.name;
    }
    if (!found.empty()) return {{found}, "", ""};
    std::string name = shape_.column("id") ? "record_key" : "id";
    while (shape_.column(name)) name += '_';
    return {{name},
            "record_key",
            "the record key is one value that no field repeats, so it has a column of its own; name it as you like"};
  }

  // The field whose name says most that it names a row, if its name says as much as `least`.
  const ShapedColumn* key_like(int least) const {
    const auto table = table_of_topic(place_.topic);
    const ShapedColumn* best = nullptr;
    for (const auto& column : shape_.columns) {
      if (!usable(column) || !always_there(column)) continue;
      const auto& name = column.name;
      const bool of_table = name.ends_with("_id") && table.starts_with(name.substr(0, name.size() - 3));
      const int rank = name == "id" || name == "ID" || name == "_id" ? 4
                       : name == "uuid" || name == "guid"            ? 3
                       : of_table                                    ? 2
                       : name == "key"                               ? 1
                                                                     : 0;
      if (rank >= least) best = &column, least = rank + 1;
    }
    return best;
  }

  KeyChoice guessed_key() const {
    if (const auto* found = key_like(1))
      return {{found->name}, "record_value", "the field is a guess: make sure that it names a row"};
    return {{}, "none", "and no field looks like one: each record becomes a row of its own"};
  }

  void choose_columns() {
    const bool marked = shape_.format != config::Format::debezium && marks_deletes();
    const auto add = [&](const ShapedColumn& column) {
      if (std::ranges::find(columns_, column.name, &DraftColumn::name) != columns_.end()) return;
      if (!usable(column) || columns_.size() == most_columns) {
        (can_be_written(column.name) && !column.name.empty() ? excluded_ : unnamed_).push_back(column.name);
        return;
      }
      columns_.push_back({column.name, column.guess.type(), column.guess.known() ? "" : "only nulls were seen"});
    };
    for (const auto& name : key_.columns) {
      ShapedColumn column;
      const auto* of_value = shape_.column(name);
      const auto of_key = std::ranges::find(shape_.key, name, &ShapedColumn::name);
      if (of_value != nullptr)
        column = *of_value;
      else if (of_key != shape_.key.end())
        column = *of_key;
      else if (key_.from == "record_key" && !shape_.key.empty())
        column = shape_.key.front();
      column.name = name;
      add(column);
    }
    for (const auto& column : shape_.columns) {
      if (marked && column.name == deleted_mark)
        excluded_.push_back(column.name);
      else
        add(column);
    }
    marked_ = marked;
    if (columns_.empty()) columns_.push_back({"id", "text", "no field was seen"});
  }

  // Flattened change events say in a text that the row was deleted.
  bool marks_deletes() const {
    const auto* mark = shape_.column(deleted_mark);
    return mark != nullptr && mark->rows > 0 && mark->only_true_false && !key_.columns.empty();
  }

  std::pair<std::string, std::string> table() const {
    if (shape_.sources.size() == 1) {
      const auto& [schema, name] = *shape_.sources.begin();
      const auto fits = [](const std::string& one) {
        return is_column(one) && can_be_written(one) && one.find_first_of(".{}") == one.npos;
      };
      if (fits(name)) return {fits(schema) && !config::reserved_schema(schema, "sluice") ? schema : "public", name};
    }
    return {"public", table_of_topic(place_.topic)};
  }

  void head() {
    draft_.comment(fmt::format(
        "Proposed by sluice init for the topic {}: {} of the log's {} offsets were looked at, at its beginning and its end.",
        place_.topic, shape_.records, sample_.held));
    draft_.comment("Read it, run the DDL, then: sluice check --config FILE --connect");
    if (!sample_.trouble.empty())
      draft_.comment(fmt::format("Not all was read that should have been: {}", sample_.trouble));
    if (shape_.records == 0) draft_.comment("No record was seen: format, key and columns are placeholders.");
    if (shape_.refused > 0)
      draft_.comment(fmt::format("{} records are events of no format and would become dead letters; the first: {}",
                                 shape_.refused, shape_.refusal));
    if (shape_.records > shape_.refused && shape_.format == config::Format::automatic)
      draft_.comment("The records are of several formats, which format = \"auto\" tells apart.");
    if (shape_.sources.size() > 1)
      draft_.comment(fmt::format(
          "The events are of {} tables of their source; with table = \"public.{{source.table}}\" each has its own.",
          shape_.sources.size()));
    if (!key_.remark.empty()) draft_.comment(fmt::format("The key: {}.", key_.remark));
    if (!unnamed_.empty())
      draft_.comment(fmt::format("{} fields have names that no column can have; unknown_fields leaves them out.",
                                 unnamed_.size()));
    draft_.comment(
        "Not known: fields and longer values that other records have. A field without a column makes its record a dead");
    draft_.comment("letter; unknown_fields = \"ignore\" leaves it out.");
    const auto hidden = without_password(place_.postgres);
    if (hidden != place_.postgres) draft_.comment("${credential:postgres_password} holds the password of --postgres.");
    draft_.blank();
  }

  void servers() {
    std::string name = place_.topic;
    for (char& c : name)
      if (!config::check_pipeline(std::string(1, c)).empty()) c = '-';
    draft_.set("pipeline", name.substr(0, 200));
    draft_.section("[kafka]");
    draft_.set("brokers", place_.brokers);
    if (!place_.properties.empty()) draft_.section("[kafka.properties]");
    for (const auto& [property, written] : place_.properties) {
      const bool hide = config::is_secret_property(property) && !config::has_reference(written);
      std::string credential = "kafka_" + property;
      std::ranges::replace(credential, '.', '_');
      draft_.set(config::quoted(property), hide ? fmt::format("${{credential:{}}}", credential) : written);
    }
    draft_.section("[postgres]");
    draft_.set("url", without_password(place_.postgres));
    if (place_.registry.empty()) return;
    draft_.section("[registry]");
    std::string urls;
    for (const auto& url : split_urls(place_.registry)) {
      const auto begin = url.find("://"), at = url.rfind('@');
      const auto colon = begin == url.npos ? url.npos : url.find(':', begin + 3);
      const bool hide = at != url.npos && colon < at && !config::has_reference(url);
      const auto shown =
          hide ? fmt::format("{}${{credential:registry_password}}{}", url.substr(0, colon + 1), url.substr(at)) : url;
      urls += fmt::format("{}{}", urls.empty() ? "" : ",", shown);
    }
    draft_.set("url", urls);
  }

  void ddl() {
    const auto [schema, name] = table();
    draft_.blank();
    if (schema != "public") draft_.comment(fmt::format("CREATE SCHEMA IF NOT EXISTS {};", sql_name(schema)));
    draft_.comment(fmt::format("CREATE TABLE {}.{} (", sql_name(schema), sql_name(name)));
    for (const auto& column : columns_) {
      const bool last = &column == &columns_.back() && key_.columns.empty();
      const bool in_key = std::ranges::find(key_.columns, column.name) != key_.columns.end();
      draft_.comment(fmt::format("  {} {}{}{}{}", sql_name(column.name), column.type, in_key ? " NOT NULL" : "",
                                 last ? "" : ",", column.remark.empty() ? "" : "  -- " + column.remark));
    }
    std::vector<std::string> names;
    for (const auto& column : key_.columns) names.push_back(sql_name(column));
    if (!names.empty()) draft_.comment(fmt::format("  PRIMARY KEY ({})", fmt::join(names, ", ")));
    draft_.comment(");");
  }

  void route() {
    const auto [schema, name] = table();
    draft_.section("[[route]]");
    draft_.set("topics", std::vector{place_.topic});
    draft_.set("format", word_of(shape_.format));
    draft_.set("table", fmt::format("{}.{}", schema, name));
    if (key_.columns.empty()) draft_.set("mode", "insert");
    draft_.set("key", key_.columns);
    if (!key_.from.empty()) draft_.set("key_from", key_.from);
    if (key_.columns.empty()) draft_.set("delete", "ignore");
    if (marked_) draft_.set("delete_when", fmt::format("{} = 'true'", deleted_mark));
    if (!unnamed_.empty()) draft_.set("unknown_fields", "ignore");
    if (!excluded_.empty()) draft_.set("columns.exclude", excluded_);
  }

  const TopicPlace& place_;
  const TopicSample& sample_;
  const TopicShape& shape_;
  KeyChoice key_;
  std::vector<DraftColumn> columns_;
  std::vector<std::string> excluded_, unnamed_;
  bool marked_ = false;
  Draft draft_;
};

bool is_password(std::string_view name) {
  return name == "password" || name == "sslpassword";
}

std::string reference_to(std::string_view name) {
  return fmt::format("${{credential:postgres_{}}}", name);
}

}  // namespace

std::string without_password(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos || url.find('=') < scheme) {
    std::string out;
    for (auto rest = url; const auto pair = config::next_pair(rest);) {
      if (pair->name.empty()) continue;
      const bool hide = is_password(pair->name) && !config::has_reference(pair->value);
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", pair->name,
                         hide ? reference_to(pair->name) : std::string(pair->value));
    }
    return out;
  }
  const auto query = std::min(url.find('?'), url.size());
  std::string out(url.substr(0, scheme + 3));
  auto base = url.substr(scheme + 3, query - scheme - 3);
  const auto at = base.substr(0, base.find('/')).rfind('@');
  if (const auto colon = base.find(':');
      at != base.npos && colon < at && !config::has_reference(base.substr(colon, at - colon))) {
    out += fmt::format("{}:{}", base.substr(0, colon), reference_to("password"));
    base.remove_prefix(at);
  }
  out += base;
  if (query == url.size()) return out;
  char separator = '?';
  for (const auto pair : split(url.substr(query + 1), '&')) {
    const auto name = pair.substr(0, pair.find('='));
    const bool hide = is_password(name) && !config::has_reference(pair);
    out += fmt::format("{}{}", separator, hide ? fmt::format("{}={}", name, reference_to(name)) : std::string(pair));
    separator = '&';
  }
  return out;
}

std::string draft_of_topic(const TopicPlace& place, const TopicSample& sample, const TopicShape& shape) {
  return TopicDraft(place, sample, shape).text();
}

}  // namespace sluice::runtime
