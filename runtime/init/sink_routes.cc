#include "runtime/init/sink_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/parse.h"
#include "config/table_template.h"
#include "runtime/init/topic_patterns.h"

namespace sluice::runtime {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string_view format_setting(const Sink& sink) {
  return sink.file.find("collection.name.format") ? "collection.name.format" : "table.name.format";
}

// The sink's format filled in; `topic` is a name, or a template for it.
std::string fill_format(Sink& sink, std::string topic) {
  if (sink.kind == SinkKind::debezium) std::ranges::replace(topic, '.', '_');
  std::string table = sink.table_format;
  replace_all(table, "${topic}", topic);
  for (const std::string_view known : {"db", "schema", "table"})
    replace_all(table, fmt::format("${{source.{}}}", known), fmt::format("{{source.{}}}", known));
  if (const auto other = table.find("${"); other != table.npos) {
    sink.without(std::string(format_setting(sink)),
                 "has a placeholder other than ${topic} and ${source.db}, ${source.schema}, ${source.table}");
    table.erase(other, table.find('}', other) - other + 1);
  }
  if (sink.normalizes && !config::has_placeholder(table))
    for (char& c : table)
      if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return table;
}

// The parts of a name between dots, of which placeholders have their own.
std::vector<std::string> name_parts(std::string_view table) {
  std::vector<std::string> parts(1);
  bool inside = false;
  for (const char c : table) {
    inside = c == '{' || (inside && c != '}');
    if (c == '.' && !inside)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

// SCHEMA.TABLE, or TABLE alone where only the search path says the schema. A database before them is the connection's.
std::string qualified(const Sink& sink, std::string table) {
  if (!sink.quotes && !config::has_placeholder(table)) table = lowered(table);
  auto parts = name_parts(table);
  std::erase(parts, "");
  if (parts.empty()) parts.emplace_back("{topic}");
  if (parts.size() > 2) return fmt::format("{}.{}", parts[parts.size() - 2], parts.back());
  if (parts.size() == 1 && !sink.schema.empty()) return fmt::format("{}.{}", sink.schema, parts.front());
  return fmt::format("{}", fmt::join(parts, "."));
}

void add_topic(std::vector<DraftRoute>& routes, DraftRoute route) {
  const auto same = std::ranges::find_if(routes, [&](const DraftRoute& one) {
    auto other = one;
    other.topics = route.topics;
    return other == route;
  });
  if (same == routes.end())
    routes.push_back(std::move(route));
  else
    same->topics.insert(same->topics.end(), route.topics.begin(), route.topics.end());
}

// Returns true if the field of a list, TOPIC:FIELD, is one of the topic, which the sink sees as a RegexRouter names it.
bool is_of_topic(const Sink& sink, const std::string& field, const std::string& topic) {
  const auto named = field.substr(0, field.find(':'));
  return named == topic || named == routed_name(topic, sink.topic_routes);
}

bool names_topic(const Sink& sink, const std::string& field) {
  return sink.kind == SinkKind::debezium && field.contains(':');
}

// The names of a list that may say a topic, FIELD or TOPIC:FIELD, that count for it. An empty topic stands for those of
// an expression.
std::vector<std::string> names_of(const Sink& sink, const std::vector<std::string>& list, const std::string& topic) {
  std::vector<std::string> names;
  for (const auto& one : list) {
    if (!names_topic(sink, one))
      names.push_back(one);
    else if (topic.empty() || is_of_topic(sink, one, topic))
      names.push_back(one.substr(one.find(':') + 1));
  }
  return names;
}

// Fields of topics that have no route of their own.
void tell_fields_of_topics(Sink& sink) {
  for (const auto& [setting, list] :
       {std::pair("field.include.list", sink.included), std::pair("field.exclude.list", sink.excluded)})
    for (const auto& one : list) {
      if (!names_topic(sink, one)) continue;
      if (!sink.topics_pattern.empty())
        sink.without(setting,
                     fmt::format("{} counts for all topics of topics.regex here; give a topic whose fields differ a "
                                 "route of its own, before this one",
                                 one));
      else if (std::ranges::none_of(sink.topics, [&](const auto& topic) { return is_of_topic(sink, one, topic); }))
        sink.without(setting, fmt::format("{} names no topic of the sink", one));
    }
}

void push_once(std::vector<std::string>& list, const std::string& one) {
  if (!holds(list, one)) list.push_back(one);
}

// Which fields and added columns the sink's own lists leave, by the names that the chain has made.
void choose_columns(Sink& sink, const DraftKey& key, const std::string& topic, DraftRoute& route) {
  const auto& columns = sink.columns;
  const auto let_in = names_of(sink, sink.included, topic), left_out = names_of(sink, sink.excluded, topic);
  const bool lists = !sink.included.empty();
  for (const auto& [column, source] : columns.added()) {
    const bool of_key = holds(key.columns, column);
    if (!of_key && (holds(left_out, column) || (lists && !holds(let_in, column)))) continue;
    if (source == deleted_mark)
      route.mark = column;
    else
      route.add.emplace(column, source);
  }
  if (lists) {
    for (const auto& name : let_in)
      if (const auto field = columns.field_of(name); field && !columns.added().contains(name) && !holds(left_out, name))
        push_once(route.include, *field);
  } else if (columns.only()) {
    for (const auto& field : *columns.only()) push_once(route.include, field);
  }
  for (const auto& field : columns.dropped()) push_once(route.exclude, field);
  for (const auto& name : left_out)
    if (const auto field = columns.field_of(name); field && !columns.added().contains(name))
      push_once(route.exclude, *field);
  std::erase_if(route.include, [&](const auto& field) { return holds(route.exclude, field); });
  if (!route.include.empty() || (!lists && !columns.only())) return;
  // Nothing but the key, which counts as included in any case: an empty list would mean all fields.
  for (const auto& column : key.columns)
    if (!route.add.contains(column)) push_once(route.include, columns.field_of(column).value_or(column));
  if (route.include.empty())
    sink.without("transforms", "no field of the value is left, which columns.include cannot say: list those that are");
}

// Leaves out what the configuration would refuse because another part of it says the same already.
void settle_columns(Sink& sink, const DraftKey& key, const std::string& topic, DraftRoute& route) {
  choose_columns(sink, key, topic, route);
  std::erase_if(route.exclude, [&](const auto& field) {
    return !route.include.empty() || (holds(key.columns, field) && key.from == "record_value");
  });
  for (const auto& [field, column] : sink.columns.renamed()) {
    const bool taken = route.include.empty() || holds(route.include, field) || holds(key.columns, column);
    if (taken && field != column && !holds(route.exclude, field)) route.rename.emplace(field, column);
  }
  if (!sink.quotes)
    for (const auto& column : sink.key) {
      const auto folded = lowered(column);
      const bool clear = holds(key.columns, folded) && !holds(route.include, folded) && !holds(route.exclude, column);
      if (folded != column && clear && !route.add.contains(column)) route.rename.emplace(column, folded);
    }
  for (const auto& [field, column] : route.rename) route.add.erase(column);
}

// What a table's name is in a route whose topics a regular expression finds.
DraftRoute route_of_pattern(Sink& sink) {
  DraftRoute route;
  route.topics = {sink.topics_pattern};
  std::string name = "{topic}";
  if (!sink.topic_routes.empty()) {
    const auto joined =
        sink.topic_routes.size() == 1 ? routed_pattern(sink.topics_pattern, sink.topic_routes.front()) : std::nullopt;
    if (joined) {
      route.topics = {joined->pattern};
      name = joined->name;
    } else {
      sink.without("transforms",
                   "RegexRouter and topics.regex could not be made one expression: put groups into "
                   "route.topics and {1} to {9} into route.table");
    }
  }
  const bool named = name == "{topic}";
  if (named && sink.table_format.contains("${topic}") && sink.topics_pattern.contains('.'))
    sink.without(
        std::string(format_setting(sink)),
        sink.kind == SinkKind::debezium || sink.normalizes
            ? "dots of a topic's name become underscores in the sink; {topic} is the name as it is"
            : "a topic's name with dots is SCHEMA.TABLE to the sink; {topic} is one name: capture the parts, {1}.{2}");
  route.table = qualified(sink, fill_format(sink, name));
  route.any_schema = config::has_placeholder(config::split_template(route.table).schema);
  return route;
}

}  // namespace

DraftKey draft_key(Sink& sink) {
  DraftKey key;
  key.columns = sink.key;
  if (sink.key_mode == "kafka") {
    if (key.columns.size() != 3) key.columns = {"__connect_topic", "__connect_partition", "__connect_offset"};
    for (const auto& [column, source] : {std::pair(key.columns[0], "@topic"), std::pair(key.columns[1], "@partition"),
                                         std::pair(key.columns[2], "@offset")})
      sink.columns.add(column, source);
    if (!sink.topic_routes.empty())
      sink.without(sink.kind == SinkKind::debezium ? "primary.key.mode" : "pk.mode",
                   "behind a RegexRouter the key's topic is the name that the router makes; @topic is the one that the "
                   "record has in Kafka");
    return key;
  }
  if (!sink.quotes) std::ranges::transform(key.columns, key.columns.begin(), lowered);
  if (sink.key_mode == "record_header") key.from = "header";
  if (sink.key_mode == "record_value") key.from = "record_value";
  if (sink.key_mode == "record_key") key.from = sink.key_from_value ? "record_value" : "record_key";
  if (sink.key_mode == "none") key.columns.clear();
  if (!key.columns.empty() || (sink.key_mode == "none" && sink.mode == "insert")) return key;
  key.columns = {"id"};
  if (sink.key_mode == "none")
    key.question = fmt::format("mode {} needs a key, and the sink has none", sink.mode);
  else
    key.question = fmt::format("the sink takes all fields of the {}, which the file does not name",
                               key.from == "header"       ? "headers"
                               : key.from == "record_key" ? "record key"
                                                          : "value");
  return key;
}

std::vector<DraftRoute> draft_routes(Sink& sink, const DraftKey& key) {
  std::vector<DraftRoute> routes;
  tell_fields_of_topics(sink);
  for (const auto& topic : sink.topics) {
    DraftRoute route;
    route.topics = {topic};
    const auto name = routed_name(topic, sink.topic_routes);
    if (!name)
      sink.without("transforms", "a RegexRouter's expression is not one of RE2; name the table in route.table");
    const auto mapped = sink.tables.find(topic);
    route.table =
        qualified(sink, mapped != sink.tables.end() ? mapped->second : fill_format(sink, name.value_or(topic)));
    route.any_schema = config::has_placeholder(config::split_template(route.table).schema);
    settle_columns(sink, key, topic, route);
    add_topic(routes, std::move(route));
  }
  if (sink.topics_pattern.empty()) return routes;
  auto route = route_of_pattern(sink);
  settle_columns(sink, key, "", route);
  routes.push_back(std::move(route));
  return routes;
}

}  // namespace sluice::runtime
