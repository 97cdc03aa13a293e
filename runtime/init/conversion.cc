#include "runtime/init/conversion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/host_port.h"
#include "base/http_url.h"
#include "base/parse.h"
#include "config/spelling.h"
#include "config/table_template.h"
#include "config/validators.h"
#include "runtime/init/draft.h"
#include "runtime/init/sink_routes.h"
#include "runtime/init/sink_settings.h"

namespace sluice::runtime {
namespace {

using Class = std::pair<std::string_view, SinkKind>;
constexpr Class classes[] = {{"io.debezium.connector.jdbc.JdbcSinkConnector", SinkKind::debezium},
                             {"io.confluent.connect.jdbc.JdbcSinkConnector", SinkKind::confluent},
                             {"io.aiven.connect.jdbc.JdbcSinkConnector", SinkKind::aiven}};

const ConnectEntry& required(const ConnectFile& file, std::string_view name, std::string_view advice) {
  if (const auto* entry = file.find(name)) return *entry;
  throw BadSetting{1, fmt::format("{} is missing; {}", name, advice)};
}

SinkKind kind_of(const ConnectFile& file) {
  const auto& entry = required(file, "connector.class", "name the configuration of a JDBC sink");
  const auto name = trimmed(entry.value);
  for (const auto& [known, kind] : classes)
    if (name == known) return kind;
  // Connect takes the short name, too, where only one plugin has it.
  if (name == "JdbcSinkConnector" || name == "JdbcSink") {
    const bool of_debezium = file.find("primary.key.mode") || file.find("connection.username");
    return of_debezium ? SinkKind::debezium : SinkKind::confluent;
  }
  throw BadSetting{entry.line,
                   "connector.class is none of the JDBC sinks of Debezium (io.debezium.connector.jdbc), Confluent "
                   "(io.confluent.connect.jdbc) and Aiven (io.aiven.connect.jdbc); name a file of one of them"};
}

// The row that a setting belongs to: the longest name that it has, or begins with.
const SinkSetting* row_of(std::string_view name, unsigned kind) {
  const SinkSetting* best = nullptr;
  for (const auto& row : sink_settings()) {
    const bool same = row.name == name || (row.name.ends_with('.') && name.starts_with(row.name));
    if (!same) continue;
    const bool better = best == nullptr || row.name.size() > best->name.size() ||
                        (row.name.size() == best->name.size() && (row.sinks & kind) != 0);
    if (better) best = &row;
  }
  return best;
}

void apply_settings(Sink& sink) {
  const auto kind = static_cast<unsigned>(sink.kind);
  for (const auto& row : sink_settings())
    for (const auto& entry : sink.file.entries) {
      if (sink.taken.contains(entry.name) || row_of(entry.name, kind) != &row) continue;
      if ((row.sinks & kind) == 0) {
        sink.without(entry.name, fmt::format("{}'s sink does not read it", sink_name(sink.kind)));
      } else if (row.apply == nullptr) {
        sink.without(entry.name, row.text);
      } else {
        sink.taken.insert(entry.name);
        row.apply(sink, entry);
      }
    }
  for (const auto& entry : sink.file.entries)
    if (!sink.taken.contains(entry.name)) sink.without(entry.name, "is not a setting that Sluice knows of this sink");
}

std::string pipeline_name(Sink& sink) {
  const auto* entry = sink.file.find("name");
  sink.name = entry ? std::string(trimmed(entry->value)) : std::filesystem::path(sink.file.path).stem().string();
  std::string name = sink.name.substr(0, 200);
  for (char& c : name)
    if (!config::check_pipeline(std::string(1, c)).empty()) c = '-';
  return name.empty() ? "sink" : name;
}

std::string postgres_url(const Sink& sink) {
  if (!sink.whole_url.empty()) return sink.whole_url;
  std::string url = "postgresql://" + sink.user;
  if (!sink.password.empty()) url += ":" + sink.password;
  if (!sink.user.empty() || !sink.password.empty()) url += '@';
  url += (sink.hosts.empty() ? "localhost" : sink.hosts) + "/" + sink.database;
  char separator = '?';
  for (const auto& [name, value] : sink.parameters) {
    url += fmt::format("{}{}={}", separator, name, value);
    separator = '&';
  }
  return url;
}

void write_kafka(const Sink& sink, const std::string& pipeline, const std::string& brokers, Draft& draft) {
  draft.section("[kafka]");
  const auto& known = brokers.empty() ? sink.brokers : brokers;
  if (known.empty())
    draft.comment("The file does not say the brokers, which the worker knows: correct this, or give init --brokers.");
  draft.set("brokers", known.empty() ? "127.0.0.1:9092" : known);
  const auto group = sink.group.empty() ? "connect-" + sink.name : sink.group;
  draft.comment("Takes over, once, where the sink has committed. Stop the connector first.");
  draft.set("start", "group:" + group);
  if (const auto own = "sluice-" + pipeline; own == group) draft.set("group", own + "-next");  // of its own
  if (!sink.strategy.empty()) draft.set("strategy", sink.strategy);
  if (!sink.instance.empty()) draft.set("instance", sink.instance);
  if (sink.properties.empty()) return;
  draft.section("[kafka.properties]");
  for (const auto& [name, value] : sink.properties) draft.set(config::quoted(name), value);
}

void write_postgres(const Sink& sink, Draft& draft) {
  draft.section("[postgres]");
  const bool says_tls = std::ranges::any_of(sink.parameters, [](const auto& one) { return one.first == "sslmode"; });
  const auto first = split(sink.hosts, ',').front();
  const auto address = parse_host_port(first);
  if (sink.whole_url.empty() && !says_tls && address && !is_loopback(address->host))
    draft.comment(
        "Without sslmode, Sluice demands TLS with a verified certificate; the sink took what it got (sslmode=prefer).");
  draft.set("url", postgres_url(sink));
  if (sink.lanes) draft.set("lanes", *sink.lanes);
  if (!sink.batch_rows) return;
  draft.section("[batch]");
  draft.set("rows", *sink.batch_rows);
}

std::string sink_format(const Sink& sink) {
  if (sink.format != "connect-json" && sink.format != "auto") return sink.format;
  if (sink.unwraps) return "debezium";
  if (sink.format == "auto" || sink.schemas_in_json) return sink.format;
  return sink.kind == SinkKind::debezium ? "auto" : "json";
}

std::string delete_of(Sink& sink, const DraftKey& key, const DraftRoute& route) {
  if (key.columns.empty()) return "ignore";
  const bool rewritten = sink.unwraps && sink.marks_deleted;
  // A tombstone has no value, and neither has what the unwrapping makes of a delete: the sink finds no key there.
  const bool finds_key = sink.key_mode == "record_key";
  if (rewritten && (!sink.deletes || sink.drops_tombstones || !finds_key)) {
    if (sink.mode == "insert") return "ignore";
    if (!route.mark.empty()) return "soft:" + route.mark;
    sink.without("transforms", "the mark of rewritten deletes is left out again, so that rows stay as they are");
    return "ignore";
  }
  if (rewritten && !route.mark.empty())
    sink.without("transforms",
                 fmt::format("the column {} is not filled: a row that is deleted is removed", route.mark));
  const bool applies = sink.deletes && !sink.drops_tombstones;
  if (applies && sink.unwraps && !finds_key)
    sink.without(
        "delete.enabled",
        "the sink finds no key in what the unwrapping leaves of a delete, and keeps the row; here it is removed, "
        "unless delete = \"ignore\"");
  return applies ? "apply" : "ignore";
}

// What a sink may do to the tables themselves, as far as this version has it.
std::string evolution_of(Sink& sink) {
  if (!sink.creates && !sink.evolves) return {};
  const std::string wanted = !sink.evolves ? "" : sink.creates ? "tables" : "columns";
  if (!wanted.empty() && is_taken("route.evolve", wanted)) return wanted;
  const std::string left = sink.evolves && is_taken("route.evolve", "columns") ? "columns" : "";
  const auto note = [&](std::string_view name, std::string_view why) {
    if (const auto* entry = sink.file.find(name); entry != nullptr) sink.without(entry->name, why);
  };
  const std::string_view why =
      !sink.evolves   ? "Sluice makes tables only where it may change them later, too; they have to exist"
      : !left.empty() ? "this version of Sluice makes no tables; they have to exist"
                      : "this version of Sluice does not change tables: new ones and new columns are an operator's DDL";
  if (sink.creates) note("auto.create", why);
  note("schema.evolution", why);
  if (left.empty() && sink.evolves) note("auto.evolve", why);
  return left;
}

void write_route(Sink& sink, const DraftRoute& route, const DraftKey& key, const std::string& evolve, bool first,
                 Draft& draft) {
  draft.section("[[route]]");
  draft.set("topics", route.topics);
  draft.set("format", sink_format(sink));
  draft.set("table", route.table);
  if (route.any_schema) {
    draft.comment("The schemas that a topic, or an event, may name: list all of them.");
    draft.set("schemas", std::vector<std::string>{sink.schema.empty() ? "public" : sink.schema});
  }
  draft.set("mode", sink.mode);
  if (!key.question.empty()) draft.comment(fmt::format("To be corrected: {}.", key.question));
  draft.set("key", key.columns);
  if (!key.from.empty()) draft.set("key_from", key.from);
  const auto deletes = delete_of(sink, key, route);
  if (deletes.starts_with("soft:"))
    draft.comment(fmt::format(
        "The transform rewrote deletes: the column {} has to be a boolean, a date or a timestamp.", route.mark));
  if (deletes == "apply" && sink.deletes_by_version && first) {
    draft.comment(
        "No option of ExtractNewRecordState says what becomes of deletes: this is the default since Debezium 3.2.");
    draft.comment("Older versions drop deletes: set delete = \"ignore\" if the worker has one of them.");
  }
  draft.set("delete", deletes);
  if (sink.truncates) draft.set("truncate", "apply");
  if (!evolve.empty()) draft.set("evolve", evolve);
  if (!sink.tolerates && first)
    draft.comment(
        "As errors.tolerance = none: the partition stops at a record that cannot be applied; \"dead_letter\" goes on.");
  draft.set("on_error", sink.tolerates ? "dead_letter" : "stop");
  if (!sink.time_unit.empty()) draft.set("time_unit", sink.time_unit);
  if (!sink.flatten.empty()) draft.set("flatten", sink.flatten);
  if (!route.include.empty()) draft.set("columns.include", route.include);
  if (!route.exclude.empty()) draft.set("columns.exclude", route.exclude);
  if (!route.rename.empty()) draft.set("columns.rename", route.rename);
  if (!route.add.empty()) draft.set("columns.add", route.add);
  if (sink.mode == "insert" || key.columns.empty() || config::has_placeholder(route.table)) return;
  std::vector<std::string> names;
  for (const auto& column : key.columns) names.push_back(sql_name(column));
  draft.comment(fmt::format("DDL, if the table has no primary key: CREATE UNIQUE INDEX ON {} ({});",
                            sql_table(route.table), fmt::join(names, ", ")));
}

void write_registry(const Sink& sink, Draft& draft) {
  const bool needed = sink.format == "avro" || sink.format == "json-schema" || sink.format == "protobuf";
  if (!needed && sink.registry.empty()) return;
  draft.section("[registry]");
  std::string url = sink.registry;
  if (url.empty()) {
    draft.comment("The file does not say the registry, which the worker knows: correct this.");
    url = "http://127.0.0.1:8081";
  }
  if (!sink.registry_user.empty() && !url.starts_with("${")) {
    std::string urls;
    for (auto one : split_urls(url)) {
      one.insert(one.find("://") + 3, fmt::format("{}:{}@", sink.registry_user, sink.registry_password));
      urls += fmt::format("{}{}", urls.empty() ? "" : ",", one);
    }
    url = urls;
  }
  draft.set("url", url);
}

// In the order of the file.
void write_notes(const Sink& sink, Draft& draft) {
  if (sink.notes.empty()) return;
  const auto place = [&](const auto& note) {
    const auto name = note.first.substr(0, note.first.find('?'));
    const auto* entry = sink.file.find(name);
    return entry ? entry->line : 0;
  };
  auto notes = sink.notes;
  std::ranges::stable_sort(notes, {}, place);
  notes.erase(std::ranges::unique(notes).begin(), notes.end());
  draft.blank();
  draft.comment("Without an equivalent, or with a remark:");
  for (const auto& [setting, why] : notes) draft.comment(fmt::format("{}: {}", setting, why));
}

std::string written(Sink& sink, const std::string& brokers) {
  const auto name = pipeline_name(sink);
  const auto key = draft_key(sink);
  const auto routes = draft_routes(sink, key);
  const auto evolve = evolution_of(sink);
  Draft draft;
  draft.comment(fmt::format("Made by sluice init --from-connect of {}, a configuration of {}'s JDBC sink.",
                            std::filesystem::path(sink.file.path).filename().string(), sink_name(sink.kind)));
  draft.comment("Read it, then: sluice check --config FILE --connect");
  for (const auto& [reference, setting] : sink.secrets) draft.comment(fmt::format("{} holds {}.", reference, setting));
  draft.blank();
  draft.set("pipeline", name);
  write_kafka(sink, name, brokers, draft);
  write_postgres(sink, draft);
  write_registry(sink, draft);
  for (const auto& route : routes) write_route(sink, route, key, evolve, &route == &routes.front(), draft);
  write_notes(sink, draft);
  return draft.text();
}

}  // namespace

std::expected<std::string, std::string> convert_sink(const ConnectFile& file, const std::string& brokers) {
  try {
    Sink sink(file);
    sink.kind = kind_of(file);
    sink.quotes = sink.kind != SinkKind::debezium;
    required(file, "connection.url", "write connection.url=jdbc:postgresql://HOST:PORT/DATABASE");
    const auto* pattern = file.find("topics.regex");
    const auto& topics = pattern ? *pattern : required(file, "topics", "name the topics that the sink reads");
    if (const auto* both = file.find("topics"); both && pattern)
      throw BadSetting{std::max(both->line, pattern->line), "topics and topics.regex are both set; keep one"};
    apply_settings(sink);
    if (sink.topics.empty() && sink.topics_pattern.empty())
      throw BadSetting{topics.line, "topics is empty; name the topics that the sink reads"};
    return written(sink, brokers);
  } catch (const BadSetting& bad) {
    return std::unexpected(file.error(bad.line, bad.text));
  }
}

}  // namespace sluice::runtime
