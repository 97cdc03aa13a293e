// What the sink writes: tables, keys, deletes, columns, and what it does to the tables themselves.
#include <fmt/format.h>

#include <array>

#include "base/parse.h"
#include "runtime/init/sink_settings.h"

namespace sluice::runtime {
namespace {

void take_mode(Sink& sink, const ConnectEntry& entry) {
  const auto word = word_of(entry, {"insert", "multi", "upsert", "update"});
  sink.mode = word == "multi" ? "insert" : word;
}

void take_key_mode(Sink& sink, const ConnectEntry& entry) {
  sink.key_mode = word_of(entry, {"none", "kafka", "record_key", "record_value", "record_header"});
}

void take_key(Sink& sink, const ConnectEntry& entry) {
  sink.key = list_of(entry.value);
}

void take_deletes(Sink& sink, const ConnectEntry& entry) {
  sink.deletes = boolean_of(entry);
}

void take_truncates(Sink& sink, const ConnectEntry& entry) {
  sink.truncates = boolean_of(entry);
}

void take_tombstones(Sink& sink, const ConnectEntry& entry) {
  if (boolean_of(entry)) sink.drops_tombstones = true;
}

// Braces are placeholders to Sluice, so that no table's name can have one.
void check_braces(const ConnectEntry& entry, std::string_view table) {
  for (std::size_t at = 0; (at = table.find_first_of("{}", at)) != table.npos; ++at) {
    const auto close = table.find('}', at);
    const bool placeholder = at > 0 && table[at] == '{' && table[at - 1] == '$' && close != table.npos;
    if (!placeholder)
      throw BadSetting{
          entry.line,
          fmt::format("{} has a brace that is not of a placeholder ${{…}}; write a name without", entry.name)};
    at = close;
  }
}

void take_table_format(Sink& sink, const ConnectEntry& entry) {
  check_braces(entry, entry.value);
  sink.table_format = std::string(trimmed(entry.value));
  if (sink.table_format.empty()) throw BadSetting{entry.line, fmt::format("{} is empty; write the table", entry.name)};
}

void take_normalize(Sink& sink, const ConnectEntry& entry) {
  sink.normalizes = boolean_of(entry);
}

void take_tables(Sink& sink, const ConnectEntry& entry) {
  for (const auto& pair : list_of(entry.value)) {
    const auto parts = split(pair, ':');
    if (parts.size() != 2 || trimmed(parts[0]).empty() || trimmed(parts[1]).empty())
      throw BadSetting{entry.line, fmt::format("{} is not a list TOPIC:TABLE,TOPIC:TABLE; correct it", entry.name)};
    if (parts[1].find_first_of("{}") != parts[1].npos) check_braces(entry, "{");
    sink.tables[std::string(trimmed(parts[0]))] = std::string(trimmed(parts[1]));
  }
}

void take_include(Sink& sink, const ConnectEntry& entry) {
  sink.included = list_of(entry.value);
}

void take_exclude(Sink& sink, const ConnectEntry& entry) {
  sink.excluded = list_of(entry.value);
}

void take_create(Sink& sink, const ConnectEntry& entry) {
  sink.creates = boolean_of(entry);
}

void take_evolve(Sink& sink, const ConnectEntry& entry) {
  sink.evolves = boolean_of(entry);
}

void take_evolution(Sink& sink, const ConnectEntry& entry) {
  sink.creates = sink.evolves = word_of(entry, {"none", "basic"}) == "basic";
}

void take_quotes(Sink& sink, const ConnectEntry& entry) {
  const auto word = word_of(entry, {"true", "false", "always", "never"});
  sink.quotes = word == "true" || word == "always";
  if (!sink.quotes)
    sink.without(entry.name,
                 "names are quoted: a field with capitals, whose column has small letters, needs columns.rename");
}

void take_batch(Sink& sink, const ConnectEntry& entry) {
  const int rows = number_of(entry);
  sink.batch_rows = std::clamp(rows, 1, 100'000);
}

void take_zone(Sink& sink, const ConnectEntry& entry) {
  for (const std::string_view utc : {"UTC", "Etc/UTC", "GMT", "Z", "UTC+0", "Etc/GMT"})
    if (trimmed(entry.value) == utc) return;
  sink.without(entry.name, "times are written as the events have them: a column without a time zone holds UTC");
}

void take_dialect(Sink& sink, const ConnectEntry& entry) {
  if (!entry.value.empty() && !entry.value.starts_with("Postgre"))
    sink.without(entry.name, "Sluice writes to PostgreSQL only");
}

constexpr std::string_view evolution_text =
    "`columns` for new columns, `tables` where tables are created, too. A version of Sluice that does not have "
    "`evolve` yet needs the tables beforehand";
constexpr std::string_view kept = "a batch's rows are always reduced to the last one of each key";

constexpr std::array<SinkSetting, 41> write_table = {{
    {"insert.mode", any_sink, "route.mode", "`multi` becomes `insert`", take_mode},
    {"pk.mode", confluent | aiven, "route.key_from",
     "`none` is `key = []`. `kafka` adds its three columns from `@topic`, `@partition` and `@offset`", take_key_mode},
    {"primary.key.mode", debezium, "route.key_from", "As `pk.mode`; `record_header` is `header`", take_key_mode},
    {"pk.fields", confluent | aiven, "route.key",
     "Names of columns. Where it is empty, which means all fields, the key has to be named", take_key},
    {"primary.key.fields", debezium, "route.key", "As `pk.fields`", take_key},
    {"delete.enabled", any_sink, "route.delete", "`apply` or, as is the sinks' default, `ignore`", take_deletes},
    {"handle.tombstone", aiven, "route.delete", "`true` is `ignore`", take_tombstones},
    {"truncate.enabled", debezium, "route.truncate", "`apply` or `ignore`", take_truncates},
    {"table.name.format", any_sink, "route.table",
     "Written out for each topic that is named; `{topic}` for those of a regular expression", take_table_format},
    {"collection.name.format", debezium, "route.table",
     "The same. A topic's dots become underscores, as in the sink; `${source.…}` becomes `{source.…}`",
     take_table_format},
    {"table.name.normalize", aiven, "route.table", "The name as it comes of it, for each topic that is named",
     take_normalize},
    {"topics.to.tables.mapping", aiven, "route.table", "A route for each topic", take_tables},
    {"fields.whitelist", confluent | aiven, "route.columns.include", "As it is", take_include},
    {"field.include.list", debezium, "route.columns.include", "Those of a topic in its route", take_include},
    {"field.exclude.list", debezium, "route.columns.exclude", "Those of a topic in its route", take_exclude},
    {"auto.create", confluent | aiven, "route.evolve", evolution_text, take_create},
    {"auto.evolve", confluent | aiven, "route.evolve", evolution_text, take_evolve},
    {"schema.evolution", debezium, "route.evolve", evolution_text, take_evolution},
    {"quote.sql.identifiers", confluent, "route.table",
     "Names are always quoted; those that the sink does not quote become lower case, as PostgreSQL makes them",
     take_quotes},
    {"sql.quote.identifiers", aiven, "route.table", "As `quote.sql.identifiers`", take_quotes},
    {"quote.identifiers", debezium, "route.table", "As `quote.sql.identifiers`; the sink's default is not to quote",
     take_quotes},
    {"batch.size", any_sink, "batch.rows", "Where `batch.adaptive` begins", take_batch},
    {"db.timezone", confluent | aiven, "",
     "UTC is what Sluice writes. Any other: times are written as the events have them", take_zone},
    {"use.time.zone", debezium, "", "As `db.timezone`", take_zone},
    {"database.time_zone", debezium, "", "As `db.timezone`", take_zone},
    {"dialect.name", confluent | aiven, "", "Only PostgreSQL's has an equivalent", take_dialect},
    {"dialect.", any_sink, "", "Sluice knows PostgreSQL only, and asks its catalogue"},
    {"use.reduction.buffer", debezium, "", kept},
    {"flush.max.retries", debezium, "", tries_again},
    {"flush.retry.delay.ms", debezium, "", tries_again},
    {"collection.naming.strategy", debezium, "", "a class of Java; name tables by route.table"},
    {"table.naming.strategy", debezium, "", "a class of Java; name tables by route.table"},
    {"column.naming.strategy", debezium, "", "a class of Java; name columns by route.columns.rename"},
    {"collection.table.format", debezium, "", "route.table takes {source.schema} and {source.table}"},
    {"cloudevents.schema.name.pattern", debezium, "", "CloudEvents are recognised by their attributes"},
    {"hibernate.", debezium, "", "there is no Hibernate"},
    {"table.types", confluent, "", "tables, partitioned ones and views are written to alike"},
    {"trim.sensitive.log", confluent, "", "the log never holds values of records"},
    {"replace.null.with.default", confluent, "", "a null that the schema allows stays NULL"},
    {"date.", confluent, "", "times are written as the events' schemas say"},
    {"timestamp.", confluent, "", "times are written as the events' schemas say"},
}};

}  // namespace

std::span<const SinkSetting> write_settings() {
  return write_table;
}

}  // namespace sluice::runtime
