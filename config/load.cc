#include "config/load.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/http_url.h"
#include "base/parse.h"
#include "base/printable.h"
#include "config/child_source.h"
#include "config/children.h"
#include "config/idle_settings.h"
#include "config/node_value.h"
#include "config/postgres_url.h"
#include "config/record_references.h"
#include "config/references.h"
#include "config/route_columns.h"
#include "config/row_history.h"
#include "config/secret_files.h"
#include "config/setting_field.h"
#include "config/settings.h"
#include "config/spelling.h"
#include "config/start_rule.h"
#include "config/taken_topics.h"
#include "config/toml_text.h"
#include "config/validators.h"

namespace sluice::config {

namespace {

constexpr std::size_t longest_file = 1u << 20;
constexpr std::size_t most_hooks = 20, most_jobs = 20;

// The tables within a section that are read apart from the settings, besides those that a setting's name begins with.
constexpr std::string_view tables_of_routes[] = {"child", "columns"};

// The setting's name within a table of its section, "include" within "route.columns"; empty if it is not there.
std::string_view part_of(const Setting& setting, std::string_view table) {
  if (setting.section.empty() || !table.starts_with(setting.section)) return {};
  table.remove_prefix(setting.section.size());
  const auto dot = setting.name.find('.');
  const bool within =
      dot != std::string_view::npos && table.starts_with('.') && table.substr(1) == setting.name.substr(0, dot);
  return within ? setting.name.substr(dot + 1) : std::string_view();
}

[[noreturn]] void unknown_key(const toml::key& key, std::string_view section) {
  const std::string full = section.empty() ? std::string(key.str()) : fmt::format("{}.{}", section, key.str());
  std::vector<std::string_view> near;
  for (const Setting& setting : settings()) {
    if (setting.section == section) near.push_back(setting.name);
    if (section.empty() && !setting.section.empty()) near.push_back(setting.section);
    if (const auto within = part_of(setting, section); !within.empty()) near.push_back(within);
  }
  if (section == "route") near.insert(near.end(), std::begin(tables_of_routes), std::end(tables_of_routes));
  std::string hint = "remove it";
  if (const std::string_view meant = nearest(key.str(), near); !meant.empty()) {
    hint = fmt::format("did you mean {}?", meant);
  } else {
    const auto all = settings();
    const auto elsewhere = std::ranges::find(all, key.str(), &Setting::name);
    if (elsewhere != all.end()) hint = fmt::format("the setting is {}", elsewhere->key());
  }
  complain(key.source().begin, printable(full), "is not a setting; " + hint);
}

bool has_reference(const toml::node& node) {
  if (const auto* string = node.as_string()) return config::has_reference(string->get());
  if (const auto* table = node.as_table())
    return std::ranges::any_of(*table, [](const auto& one) { return has_reference(one.second); });
  const auto* array = node.as_array();
  return array != nullptr && std::ranges::any_of(*array, [](const toml::node& one) { return has_reference(one); });
}

// Notes where a setting's secret is kept: in files that it names, or in the text itself.
void note_secret(const toml::node& node, const Setting& setting, std::string_view name, Pipeline& pipeline) {
  if (const auto* table = node.as_table()) {
    for (const auto& [key, inner] : *table)
      note_secret(inner, setting, fmt::format("{}{}{}", name, name.empty() ? "" : ".", key.str()), pipeline);
    return;
  }
  const std::string text = node.value_or<std::string>("");
  if (setting.type == Type::properties && !is_secret_property(name)) return;
  for (auto& one : files_of(text)) pipeline.secret_files.push_back(std::move(one));
  // Of a hook the whole URL is secret, of others the user and the password.
  const bool may_hold_one = setting.type != Type::urls || setting.section == "notify" || text.contains('@');
  const bool written =
      setting.type == Type::connection ? has_written_password(text) : may_hold_one && !config::has_reference(text);
  if (written && !text.empty()) pipeline.secret_files.push_back(pipeline.file);
}

// Where one brings only a part, that part is masked. A string that is one reference is shown by what it says.
std::string shown(const toml::node& node, const Secret& url) {
  const std::string text = node.value_or<std::string>("");
  const bool whole = text.starts_with("${") && text.find('}') == text.size() - 1;
  const auto mask = [](std::string_view, std::string_view, std::string) { return std::string(Secret::mask); };
  return shown_url(whole ? url.reveal() : expand(text, mask).value_or(""));
}

// Every key of a section, or of a table within one, is known.
void check_keys(const toml::table& table, const std::string& section) {
  for (const auto& [key, node] : table) {
    const std::string_view name = key.str();
    const std::string nested = fmt::format("{}.{}", section, name);
    const bool known = std::ranges::any_of(settings(), [&](const Setting& setting) {
      return (setting.section == section && setting.name == name) ||
             (section.empty() ? setting.section == name && !name.contains('.') : setting.section == nested) ||
             part_of(setting, section) == name;
    });
    if (known && !name.empty()) continue;
    if (std::ranges::none_of(settings(), [&](const Setting& setting) { return !part_of(setting, nested).empty(); }))
      unknown_key(key, section);
    if (!node.is_table()) complain(node.source().begin, nested, "must be a table; write { … }");
    check_keys(*node.as_table(), nested);
  }
}

// The node of a setting; one whose name has a dot is in a table of the section.
const toml::node* node_of(const toml::table& section, std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return section.get(name);
  const toml::node* table = section.get(name.substr(0, dot));
  return table ? table->as_table()->get(name.substr(dot + 1)) : nullptr;
}

// Reads one section into its part of the pipeline, or of the route. `position` is where a missing setting is reported.
void read_section(const toml::table& table, std::string_view section, toml::source_position position,
                  Pipeline& pipeline, Route& route) {
  check_keys(table, std::string(section));
  for (const Setting& setting : settings()) {
    if (setting.section != section) continue;
    if (const toml::node* node = node_of(table, setting.name)) {
      Value value = value_of(*node, setting);
      const auto* string = std::get_if<std::string>(&value);
      if (setting.secret() || (string != nullptr && is_key(*string))) note_secret(*node, setting, "", pipeline);
      setting.field.put(setting, pipeline, route, std::move(value));
      if (has_reference(*node))
        (section.starts_with("route") ? route.referenced : pipeline.referenced).insert(setting.key());
      if (setting.type == Type::connection) pipeline.postgres.shown_url = shown(*node, pipeline.postgres.url);
    } else if (setting.required)
      complain(position, setting.key(), fmt::format("is missing; add {} = {}", setting.name, setting.example));
  }
}

toml::source_position place(const toml::table& table, std::string_view name) {
  const toml::node* node = table.get(name);
  return node ? node->source().begin : table.source().begin;
}

// Refuses what would silently do nothing beside other settings.
void refuse_idle(const toml::table& table, std::string_view section, const Pipeline& pipeline, const Route& route) {
  if (const IdleSetting* idle = first_idle(section, pipeline, route))
    complain(place(table, idle->key.substr(section.size() + 1)), std::string(idle->key), std::string(idle->why));
}

void refuse_reference(const toml::table& table, const Route& route) {
  const auto [setting, wrong] = wrong_reference(route);
  if (wrong.empty()) return;
  const toml::node* node = node_of(table, setting);
  complain(node ? node->source().begin : table.source().begin, fmt::format("route.{}", setting), wrong);
}

// Where the key comes from may say which columns it has.
void check_key(const toml::table& table, Route& route) {
  static const std::vector<std::string> of_kafka = {"kafka_topic", "kafka_partition", "kafka_offset"};
  if (route.key_from == KeyFrom::kafka && !table.contains("key")) route.key = of_kafka;
  if (route.key_from == KeyFrom::kafka && !std::ranges::is_permutation(route.key, of_kafka))
    complain(place(table, "key"), "route.key",
             "must be kafka_topic, kafka_partition and kafka_offset with key_from = \"kafka\"; leave it out");
  if (route.key_from == KeyFrom::none && !route.key.empty())
    complain(place(table, "key"), "route.key", "names columns, and key_from = \"none\" means none; remove one of them");
  if (route.key_from == KeyFrom::header && route.key.empty())
    complain(place(table, "key"), "route.key", "is empty; name the columns, whose values are headers of their names");
  const bool given = table.contains("key") || !route.key.empty() || route.key_from == KeyFrom::none;
  if (!given && route.mode != Mode::insert)
    complain(table.source().begin, "route.key", "is missing; add key = [\"id\"], or mode = \"insert\" with key = []");
  if (route.key.empty() && route.mode != Mode::insert)
    complain(place(table, "key"), "route.key", "is empty, which only mode = \"insert\" allows; name the key's columns");
}

// The column of a version that is in a nested object.
void name_version(Route& route) {
  if (!route.flatten.empty() && !route.version.of_source && route.version.names.size() > 1)
    route.version.flattened = flattened_name(route.version.names, route.flatten);
}

// Where a route writes, or one of its children; `parent` has the topics.
void check_place(const toml::table& table, const Route& route, const Route& parent, std::string_view own_schema,
                 std::string_view section) {
  unsigned groups = 9;
  for (const std::string& topic : parent.topics) groups = std::min(groups, groups_of(topic));
  const std::string key = fmt::format("{}.table", section);
  if (const std::string wrong = check_table(route.table, groups); !wrong.empty())
    complain(place(table, "table"), key, wrong);
  if (const std::string wrong = check_target(route, own_schema); !wrong.empty())
    complain(place(table, "table"), key, wrong);
  if (const std::string wrong = check_schemas(route, own_schema); !wrong.empty())
    complain(place(table, table.contains("schemas") ? "schemas" : "table"), "route.schemas", wrong);
}

// Checks what depends on several settings of a route, or on other routes.
void check_route(const toml::table& table, const Route& route, std::string_view own_schema, TakenTopics& earlier) {
  check_place(table, route, route, own_schema, "route");
  check_columns(table, route);
  if (const std::string wrong = check_soft_delete(route); !wrong.empty())
    complain(place(table, "delete"), "route.delete", wrong);
  if (!route.where.empty() && route.on_delete == OnDelete::soft)
    complain(place(table, "where"), "route.where",
             "removes rows, and delete = \"soft:COLUMN\" keeps those that are deleted; use one of the two");
  if (const std::string wrong = check_version_of(route); !wrong.empty())
    complain(place(table, "version"), "route.version", wrong);
  for (const std::string& topic : route.topics)
    if (const std::string wrong = earlier.why_not(topic); !wrong.empty())
      complain(place(table, "topics"), "route.topics", wrong);
  if (!route.continues) earlier.add(route);
}

// The sections [[route.child]] behind a route.
void read_children(const toml::table& of_route, Pipeline& pipeline, Route& parent) {
  const toml::node* node = of_route.get("child");
  if (node == nullptr) return;
  const auto* children = node->as_array();
  if (children == nullptr || children->empty() || !children->is_homogeneous(toml::node_type::table))
    complain(node->source().begin, "route.child",
             "must be one section or more; write [[route.child]] with two brackets");
  for (const toml::node& element : *children) {
    const toml::table& table = *element.as_table();
    Route& child = parent.children.emplace_back();
    read_section(table, "route.child", table.source().begin, pipeline, child);
    complete_child(child, parent);
    if (const auto [setting, wrong] = check_child(child, parent); !wrong.empty())
      complain(place(table, setting), "route.child." + setting, wrong);
    check_place(table, child, parent, pipeline.postgres.schema, "route.child");
  }
}

void read_routes(const toml::table& root, Pipeline& pipeline) {
  const toml::node* node = root.get("route");
  if (node == nullptr) complain({1, 1}, "route", "is missing; add a section [[route]] with topics, table and key");
  const auto* routes = node->as_array();
  if (routes == nullptr || routes->empty() || !routes->is_homogeneous(toml::node_type::table))
    complain(node->source().begin, "route", "must be one section or more; write [[route]] with two brackets");
  TakenTopics earlier;
  for (const toml::node& element : *routes) {
    const toml::table& table = *element.as_table();
    Route& route = pipeline.routes.emplace_back();
    read_section(table, "route", table.source().begin, pipeline, route);
    check_key(table, route);
    name_version(route);
    check_route(table, route, pipeline.postgres.schema, earlier);
    if (const std::string wrong = check_continued(route, std::span(pipeline.routes).first(pipeline.routes.size() - 1));
        !wrong.empty())
      complain(place(table, "table"), "route.table", wrong);
    if (pipeline.consistency.whole() && route.fk_wait.count() > 0)
      complain(place(table, "fk_wait"), "route.fk_wait",
               "waits for rows of other topics, which transactions = \"source\" reads in the source's order anyway; "
               "remove it");
    read_children(table, pipeline, route);
  }
  for (std::size_t at = 0; at < pipeline.routes.size(); ++at) {
    const Route& route = pipeline.routes[at];
    if (const std::string wrong = check_family(route, pipeline.routes); !wrong.empty())
      complain((*routes)[at].source().begin, "route.child.table", wrong);
    refuse_idle(*(*routes)[at].as_table(), "route", pipeline, route);
    refuse_reference(*(*routes)[at].as_table(), route);
  }
  mark_shared_tables(pipeline.routes);
}

// Of an array of sections that need not be there, such as [[job]].
std::vector<const toml::table*> sections_of(const toml::table& root, std::string_view name, std::size_t most) {
  const toml::node* node = root.get(name);
  if (node == nullptr) return {};
  const auto* sections = node->as_array();
  if (sections == nullptr || sections->empty() || !sections->is_homogeneous(toml::node_type::table))
    complain(node->source().begin, std::string(name),
             fmt::format("must be one section or more; write [[{}]] with two brackets", name));
  if (sections->size() > most)
    complain(node->source().begin, std::string(name), fmt::format("has more than {} sections; use fewer", most));
  std::vector<const toml::table*> found;
  for (const toml::node& section : *sections) found.push_back(section.as_table());
  return found;
}

void read_hooks(const toml::table& root, Pipeline& pipeline) {
  Route none;
  for (const toml::table* table : sections_of(root, "notify", most_hooks)) {
    Hook& hook = pipeline.hooks.emplace_back();
    read_section(*table, "notify", table->source().begin, pipeline, none);
    hook.name = fmt::format("{}:{}", pipeline.hooks.size(), host_of(hook.url.reveal()));
    if (const std::string wrong = check_last_hook(pipeline); !wrong.empty())
      complain(place(*table, "on"), "notify.on", wrong);
  }
}

void read_jobs(const toml::table& root, Pipeline& pipeline) {
  Route none;
  for (const toml::table* table : sections_of(root, "job", most_jobs)) {
    pipeline.jobs.emplace_back();
    read_section(*table, "job", table->source().begin, pipeline, none);
    if (const auto [setting, wrong] = check_last_job(pipeline); !wrong.empty())
      complain(place(*table, setting), "job." + setting, wrong);
  }
}

Pipeline read_pipeline(const toml::table& root, const std::string& path) {
  Pipeline pipeline;
  pipeline.file = path;
  Route none;
  read_section(root, "", {1, 1}, pipeline, none);
  static const toml::table empty;
  std::string_view section;
  for (const Setting& setting : settings()) {
    if (setting.section == section || is_repeated(setting.section)) continue;
    section = setting.section;
    const toml::node* node = root.get(section);
    if (node != nullptr && !node->is_table())
      complain(node->source().begin, std::string(section), fmt::format("must be a section; write [{}]", section));
    read_section(node ? *node->as_table() : empty, section, node ? node->source().begin : toml::source_position{1, 1},
                 pipeline, none);
  }
  pipeline.console.given = root.contains("console");
  read_routes(root, pipeline);
  read_hooks(root, pipeline);
  read_jobs(root, pipeline);
  if (const auto missing = missing_for_registry(pipeline); !missing.first.empty()) {
    const toml::node* given = root.get("registry");
    complain(given ? given->source().begin : toml::source_position{1, 1}, missing.first, missing.second);
  }
  if (const auto wrong = wrong_for_transactions(pipeline); !wrong.first.empty()) {
    const auto given = root.at_path(wrong.first);
    const toml::node* around = root.get(wrong.first.substr(0, wrong.first.find('.')));
    const toml::node* node = given ? given.node() : around;
    complain(node ? node->source().begin : toml::source_position{1, 1}, wrong.first, wrong.second);
  }
  for (const std::string_view name : {"consistency", "registry"})
    if (const auto* given = root.get_as<toml::table>(name)) refuse_idle(*given, name, pipeline, none);
  add_library_files(pipeline);
  if (pipeline.kafka.group.empty()) pipeline.kafka.group = "sluice-" + pipeline.name;
  if (const auto wrong = check_start_of(pipeline.kafka); !wrong.empty())
    complain(place(*root.get_as<toml::table>("kafka"), "start"), "kafka.start", wrong);
  return pipeline;
}

}  // namespace

std::expected<Pipeline, std::string> load(const std::string& path) {
  const auto fail = [&](toml::source_position at, std::string_view key, std::string_view text) {
    // Paths and keys are foreign text: whatever they contain, the error stays one line.
    return std::unexpected(printable(
        fmt::format("{}:{}:{}: {}: {}", path, std::max(at.line, 1u), std::max(at.column, 1u), key, text), 2000));
  };
  const auto text = read_file(path, longest_file);
  if (!text) return fail({1, 1}, "file", text.error() + "; name a readable TOML file");
  try {
    check_depth(*text);
    return read_pipeline(toml::parse(std::string_view(*text), std::string_view(path)), path);
  } catch (const Complaint& complaint) {
    return fail(complaint.at, complaint.key, complaint.text);
  } catch (const toml::parse_error& error) {
    return fail(error.source().begin, "syntax", without_content(error.description()));
  }
}

namespace {

// The node of a key whose parts may have dots of their own: kafka.properties."ssl.ca.location".
const toml::node* node_at(const toml::table& table, std::string_view key) {
  if (const auto* node = table.get(key)) return node;
  for (auto dot = key.find('.'); dot != key.npos; dot = key.find('.', dot + 1)) {
    const auto* below = table.get_as<toml::table>(key.substr(0, dot));
    if (const auto* node = below == nullptr ? nullptr : node_at(*below, key.substr(dot + 1))) return node;
  }
  return nullptr;
}

}  // namespace

std::string place(const std::string& path, const std::string& key) {
  toml::source_position at{1, 1};
  try {
    // Only called for a file that load() has accepted, so it parses; if it has changed since, 1:1 is good enough.
    const toml::table root = toml::parse(std::string_view(read_file(path, longest_file).value_or("")));
    if (const auto* node = node_at(root, key)) at = node->source().begin;
  } catch (const toml::parse_error&) {
    at = {1, 1};
  }
  return printable(fmt::format("{}:{}:{}", path, at.line, at.column), 2000);
}

}  // namespace sluice::config
