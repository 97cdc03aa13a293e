// The transforms of a sink's chain that have an equivalent, in the order of the chain.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/parse.h"
#include "config/column_source.h"
#include "runtime/init/sink_settings.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view routed_topic =
    "behind a RegexRouter it is the name that the router makes; @topic is the one that the record has in Kafka";

// An option of a transform, under either of its names; null if it is not set.
const ConnectEntry* option(Sink& sink, const std::string& prefix, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    if (const auto* entry = sink.file.find(prefix + std::string(name))) {
      sink.taken.insert(entry->name);
      return entry;
    }
  return nullptr;
}

std::string text_of(Sink& sink, const std::string& prefix, std::initializer_list<std::string_view> names) {
  const auto* entry = option(sink, prefix, names);
  return entry == nullptr ? "" : std::string(trimmed(entry->value));
}

bool flag(Sink& sink, const std::string& prefix, std::string_view name, bool otherwise) {
  const auto* entry = option(sink, prefix, {name});
  return entry == nullptr ? otherwise : boolean_of(*entry);
}

// Options of a transform that are dealt with, or have been told together.
void take_options(Sink& sink, const std::string& prefix) {
  for (const auto& entry : sink.file.entries)
    if (entry.name.starts_with(prefix)) sink.taken.insert(entry.name);
}

void add_column(Sink& sink, const std::string& setting, const std::string& column, const std::string& source) {
  if (config::parse_column_source(source))
    sink.columns.add(column, source);
  else
    sink.without(setting, fmt::format("columns.add has no {}", source));
}

// The fields that the unwrapping adds: op, table, source.ts_ms, op:NAME.
void add_fields(Sink& sink, const std::string& prefix) {
  const auto* entry = option(sink, prefix, {"add.fields"});
  const auto* given = option(sink, prefix, {"add.fields.prefix"});
  if (entry == nullptr) return;
  const std::string before = given ? given->value : "__";
  for (const auto& one : list_of(entry->value)) {
    const auto colon = one.find(':');
    const auto path = one.substr(0, colon);
    std::string name = colon == one.npos ? path : one.substr(colon + 1);
    if (colon == one.npos) std::ranges::replace(name, '.', '_');
    const bool nested = path.contains('.') && !path.starts_with("source.");  // of before, after, or the transaction
    const bool of_envelope =
        path == "ts_ms" || path == "ts_us" || path == "ts_ns" || path.starts_with("transaction") || nested;
    if (path == "op")
      add_column(sink, entry->name, before + name, "@op");
    else if (of_envelope)
      sink.without(entry->name, fmt::format("columns.add has no {} of the envelope", path));
    else
      add_column(sink, entry->name, before + name, path.starts_with("source.") ? "@" + path : "@source." + path);
  }
}

void unwrap(Sink& sink, const std::string& prefix) {
  sink.unwraps = true;
  // The newer option says what two older ones say, which Debezium has not had since 3.2. Where one of the older ones is
  // set, their defaults hold: a delete is dropped, and so is the tombstone behind it. Where none of the three is set,
  // the version decides: 3.2 and later leave a tombstone, by which the sink deletes, older ones drop both.
  const auto both = lowered(text_of(sink, prefix, {"delete.tombstone.handling.mode"}));
  const auto deletes = lowered(text_of(sink, prefix, {"delete.handling.mode"}));
  const auto* drops = option(sink, prefix, {"drop.tombstones"});
  bool dropped = sink.drops_tombstones;
  if (!both.empty()) {
    sink.marks_deleted = both.starts_with("rewrite");
    dropped = dropped || both == "drop" || both == "rewrite" || (sink.loses_tombstones && sink.marks_deleted);
  } else if (!deletes.empty() || drops != nullptr) {
    sink.marks_deleted = deletes == "rewrite";
    const bool lost = sink.loses_tombstones || drops == nullptr || boolean_of(*drops);
    dropped = dropped || (lost && deletes != "none");
  } else {
    sink.deletes_by_version = true;
  }
  sink.drops_tombstones = dropped;
  if (sink.marks_deleted) sink.columns.add("__deleted", std::string(deleted_mark));
  add_fields(sink, prefix);
}

// ExtractField of an envelope's `after` is the plain form of the same.
void extract_value(Sink& sink, const std::string& prefix) {
  if (text_of(sink, prefix, {"field"}) == "after")
    sink.unwraps = true;
  else
    sink.without(prefix + "type", "a field of the value cannot be made the whole row");
}

// The record key becomes one of its fields: the column is filled from the key's object as it is.
void extract_key(Sink& sink, const std::string& prefix) {
  const auto field = text_of(sink, prefix, {"field"});
  if (field.empty()) return sink.without(prefix + "type", "field is missing");
  if (sink.key.size() == 1 && sink.key.front() != field)
    sink.columns.name_key(field, sink.key.front());
  else if (sink.key.empty())
    sink.key = {field};
}

void value_to_key(Sink& sink, const std::string& prefix) {
  sink.key_from_value = true;
  if (sink.key.empty()) sink.key = list_of(text_of(sink, prefix, {"fields"}));
}

void route_topics(Sink& sink, const std::string& prefix) {
  const auto regex = text_of(sink, prefix, {"regex"});
  if (regex.empty()) throw BadSetting{sink.file.find(prefix + "type")->line, prefix + "regex is missing; set it"};
  sink.topic_routes.push_back({regex, text_of(sink, prefix, {"replacement"})});
}

void convert_time(Sink& sink, const std::string& prefix) {
  option(sink, prefix, {"field", "fields"});
  const auto target = text_of(sink, prefix, {"target.type"});
  const auto precision = text_of(sink, prefix, {"unix.precision"});
  const auto* format = option(sink, prefix, {"format", "format.from"});
  if (target == "string" || target == "unix")
    return sink.without(prefix + "target.type", "the column's type decides what is stored");
  if (format != nullptr && !format->value.starts_with("yyyy-MM-dd"))
    sink.without(format->name,
                 "texts are read as ISO 8601, such as 2026-01-31 08:30:00; one in another form is refused");
  const std::string unit = precision == "seconds"        ? "s"
                           : precision == "microseconds" ? "us"
                           : precision == "nanoseconds"  ? "ns"
                                                         : "ms";
  if (!sink.time_unit.empty() && sink.time_unit != unit)
    return sink.without(prefix + "unix.precision", "route.time_unit is one for all columns; that of the first counts");
  sink.time_unit = unit;
}

void replace_fields(Sink& sink, const std::string& prefix) {
  const auto exclude = list_of(text_of(sink, prefix, {"exclude", "blacklist"}));
  const auto include = list_of(text_of(sink, prefix, {"include", "whitelist"}));
  SinkColumns::Pairs renames;
  for (const auto& pair : list_of(text_of(sink, prefix, {"renames"}))) {
    const auto colon = pair.find(':');
    if (colon == 0 || colon == pair.npos || colon + 1 == pair.size())
      throw BadSetting{sink.file.find(prefix + "renames")->line,
                       prefix + "renames is not a list FIELD:NAME; correct it"};
    renames.emplace_back(pair.substr(0, colon), pair.substr(colon + 1));
  }
  sink.columns.replace(exclude, include, renames);
}

void rename_key(Sink& sink, const std::string& prefix) {
  for (const auto& pair : list_of(text_of(sink, prefix, {"renames"}))) {
    const auto colon = std::min(pair.find(':'), pair.size());
    if (colon + 1 < pair.size()) sink.columns.name_key(pair.substr(0, colon), pair.substr(colon + 1));
  }
}

void insert_fields(Sink& sink, const std::string& prefix) {
  using Source = std::pair<std::string_view, std::string_view>;
  for (const auto& [name, source] : {Source{"topic.field", "@topic"}, Source{"partition.field", "@partition"},
                                     Source{"offset.field", "@offset"}, Source{"timestamp.field", "@timestamp"}}) {
    auto column = text_of(sink, prefix, {name});
    while (column.ends_with('!') || column.ends_with('?')) column.pop_back();
    if (column.empty()) continue;
    add_column(sink, prefix + std::string(name), column, std::string(source));
    if (source == "@topic" && !sink.topic_routes.empty()) sink.without(prefix + std::string(name), routed_topic);
  }
  for (const std::string_view name : {"static.field", "static.value"})
    if (sink.file.find(prefix + std::string(name)))
      sink.without(prefix + std::string(name), "columns.add has no constants; give the column a DEFAULT");
}

void headers_to_value(Sink& sink, const std::string& prefix) {
  const auto headers = list_of(text_of(sink, prefix, {"headers"})), fields = list_of(text_of(sink, prefix, {"fields"}));
  option(sink, prefix, {"operation"});
  for (std::size_t at = 0; at < std::min(headers.size(), fields.size()); ++at)
    add_column(sink, prefix + "headers", fields[at], "header:" + headers[at]);
}

void flatten(Sink& sink, const std::string& prefix) {
  const auto* entry = option(sink, prefix, {"delimiter"});
  const std::string delimiter = entry ? entry->value : ".";
  if (!is_taken("route.flatten", delimiter))
    return sink.without(prefix + "type", "its delimiter is none that flatten takes; nested objects stay JSON");
  sink.flatten = delimiter;
  const auto& columns = sink.columns;
  if (!columns.renamed().empty() || columns.only())
    sink.without(
        prefix + "type",
        "columns.include and rename name what flatten makes: list address.city, with the delimiter, in place of "
        "an object that a transform before it lets in or renames");
}

void filter(Sink& sink, const std::string& prefix, bool before_unwrapping) {
  const auto* name = option(sink, prefix, {"predicate"});
  const auto* type = name ? sink.file.find(fmt::format("predicates.{}.type", name->value)) : nullptr;
  const bool negated = flag(sink, prefix, "negate", false);
  if (type == nullptr || !type->value.ends_with("RecordIsTombstone") || negated)
    return sink.without(prefix + "type",
                        "only a filter of tombstones has an equivalent; route.filter takes expressions");
  sink.take("predicates");
  sink.take(type->name);
  if (before_unwrapping)
    sink.loses_tombstones = true;
  else
    sink.drops_tombstones = true;
}

void drop_tombstones(Sink& sink, const std::string& prefix) {
  filter(sink, prefix, false);
}

void do_nothing(Sink&, const std::string&) {}

constexpr std::array<TransformSetting, 15> transform_table = {{
    {"ExtractNewRecordState", "route.format",
     "Change events are read as they are: `debezium`, or the registry's format. Deletes by `delete`: where the transform "
     "drops delete and tombstone, `ignore`; where it rewrites deletes, `soft:__deleted`, a boolean column; where none of "
     "its options says either, as `delete.enabled`, since Debezium 3.2 leaves a tombstone then. `add.fields` becomes "
     "`columns.add`",
     unwrap},
    {"ExtractField$Value", "route.format", "Of `after`: as `ExtractNewRecordState`", extract_value},
    {"ExtractField$Key", "route.key", "The key's column, renamed where it has another name", extract_key},
    {"ValueToKey", "route.key_from", "`record_value`", value_to_key},
    {"RegexRouter", "route.table",
     "Written out for each topic that is named. With a regular expression its groups become `{1}` to `{9}`, where the two "
     "expressions can be made one",
     route_topics},
    {"TimestampConverter$Value", "route.time_unit",
     "The unit of integers in date and time columns; texts are read by PostgreSQL", convert_time},
    {"ReplaceField$Value", "route.columns", "`exclude`, `include` and `rename`", replace_fields},
    {"ReplaceField$Key", "route.columns.rename", "Its renames", rename_key},
    {"InsertField$Value", "route.columns.add", "`@topic`, `@partition`, `@offset`, `@timestamp`; no constants",
     insert_fields},
    {"HeaderToValue", "route.columns.add", "`header:NAME`", headers_to_value},
    {"Flatten$Value", "route.flatten", "Its delimiter, of up to eight letters, digits or `_` `.` `-` `$` `:` `/`",
     flatten},
    {"Filter", "route.delete", "Of tombstones: `ignore`. No other predicate", drop_tombstones},
    {"SetSchemaMetadata$Value", "", "Names of schemas have no effect on tables", do_nothing},
    {"SetSchemaMetadata$Key", "", "Names of schemas have no effect on tables", do_nothing},
    {"DropHeaders", "", "Headers are no columns unless `columns.add` takes them", do_nothing},
}};

constexpr std::array<SinkSetting, 4> settings = {{
    {"transforms", any_sink, "route.columns", "See the table of transforms", apply_transforms},
    {"transforms.", any_sink, "", "an option, or a transform, without an equivalent"},
    {"predicates", any_sink, "", "a predicate has no equivalent; route.filter takes expressions"},
    {"predicates.", any_sink, "", "a predicate has no equivalent; route.filter takes expressions"},
}};

std::string_view class_of(const ConnectEntry& type) {
  return std::string_view(type.value).substr(type.value.rfind('.') + 1);
}

// Returns true for a transform behind which the value is a row and no envelope.
bool unwraps(const Sink& sink, const std::string& alias) {
  const auto* type = sink.file.find(fmt::format("transforms.{}.type", alias));
  if (type == nullptr) return false;
  const auto* field = sink.file.find(fmt::format("transforms.{}.field", alias));
  return class_of(*type) == "ExtractNewRecordState" ||
         (class_of(*type) == "ExtractField$Value" && field != nullptr && trimmed(field->value) == "after");
}

// Returns true for a transform that changes what the value holds.
bool of_values(std::string_view type) {
  return (type.ends_with("$Value") && !type.starts_with("SetSchema")) || type == "HeaderToValue" ||
         type == "ValueToKey";
}

}  // namespace

std::span<const SinkSetting> chain_settings() {
  return settings;
}

std::span<const TransformSetting> transform_settings() {
  return transform_table;
}

void apply_transforms(Sink& sink, const ConnectEntry& list) {
  const auto chain = list_of(list.value);
  for (std::size_t at = 0; at < chain.size(); ++at) {
    const auto prefix = fmt::format("transforms.{}.", chain[at]);
    const auto* type = sink.file.find(prefix + "type");
    if (type == nullptr) throw BadSetting{list.line, fmt::format("{}type is missing; set it", prefix)};
    const auto found = std::ranges::find(transform_table, class_of(*type), &TransformSetting::type);
    if (found == transform_table.end()) {
      sink.without(type->name, "a transform without an equivalent");
      continue;
    }
    sink.taken.insert(type->name);
    const bool wrapped = std::any_of(chain.begin() + static_cast<std::ptrdiff_t>(at) + 1, chain.end(),
                                     [&](const std::string& alias) { return unwraps(sink, alias); });
    if (wrapped && found->apply == drop_tombstones) {
      filter(sink, prefix, true);
    } else if (wrapped && of_values(found->type)) {
      sink.without(type->name, "stands before the unwrapping, so that it changes the envelope and not the row");
      take_options(sink, prefix);
    } else {
      found->apply(sink, prefix);
    }
    for (const std::string_view name : {"predicate", "negate"})
      if (const auto* condition = sink.file.find(prefix + std::string(name));
          condition && !sink.taken.contains(condition->name))
        sink.without(condition->name, "a predicate has no equivalent: the transform is taken to hold for every record");
    if (found->apply == do_nothing) take_options(sink, prefix);
  }
}

}  // namespace sluice::runtime
