#include "config/idle_settings.h"

#include <algorithm>
#include <array>

#include "base/http_url.h"
#include "config/table_template.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

bool names_schema(const Route& route) {
  return has_placeholder(split_template(route.table).schema);
}

bool without_schemas(const Pipeline&, const Route& route) {
  return !names_schema(route) && std::ranges::none_of(route.children, names_schema);
}

bool evolves(const Pipeline&, const Route& route) {
  return route.evolve != Evolve::none;
}

bool stops(const Pipeline&, const Route& route) {
  return route.on_error == OnError::stop;
}

bool takes_rows_only(const Pipeline&, const Route& route) {
  return route.format == Format::json;
}

bool without_key(const Pipeline&, const Route& route) {
  return route.key.empty() && route.key_from != KeyFrom::none;
}

bool is_last_of_its_topics(const Pipeline& pipeline, const Route& route) {
  const auto later = std::span(pipeline.routes).subspan(static_cast<std::size_t>(&route - pipeline.routes.data()) + 1);
  return std::ranges::none_of(later, [&](const Route& other) { return may_share_topic(route, other); });
}

bool divides_transactions(const Pipeline& pipeline, const Route&) {
  return !pipeline.consistency.whole();
}

bool without_registry(const Pipeline& pipeline, const Route&) {
  return pipeline.registry.url.empty();
}

bool without_tls(const Pipeline& pipeline, const Route&) {
  return std::ranges::none_of(split_urls(pipeline.registry.url.reveal()),
                              [](const std::string& url) { return url.starts_with("https://"); });
}

constexpr std::string_view no_tls =
    "is for https, and registry.url has no https:// in it; correct the URL, or remove it";

constexpr std::array<IdleSetting, 10> table = {{
    {"route.schemas", without_schemas,
     "lists what an event may name, and the schema part of table has no placeholder; remove it, or let the event name the "
     "schema, as in table = \"{source.schema}.{source.table}\""},
    {"route.key_from", without_key,
     "says where the key comes from, and the route has none; name the key's columns, or remove it"},
    {"route.truncate", takes_rows_only,
     "waits for truncate events, and to format = \"json\" every object is a row; use \"debezium\" or \"auto\", or remove "
     "it"},
    {"route.unknown_fields", evolves,
     "leaves out fields without a column, and evolve makes columns of them; remove one of the two, or name the fields in "
     "columns.exclude"},
    {"route.max_dead_letters", stops, "limits dead letters, and on_error = \"stop\" makes none; remove one of the two"},
    {"route.continue", is_last_of_its_topics,
     "lets later routes take the same topics, and none of them does; remove it, or put this route before theirs"},
    {"consistency.timeout", divides_transactions,
     "is how long an incomplete transaction may wait, and transactions = \"none\" waits for none; set transactions = "
     "\"source\", or remove it"},
    {"registry.timeout", without_registry, "is of a registry, and registry.url is empty; set that, or remove it"},
    {"registry.ca", without_tls, no_tls},
    {"registry.cert", without_tls, no_tls},
}};

bool is_given(std::string_view key, const Pipeline& pipeline, const Route& route) {
  static const Pipeline untouched;
  static const Route plain;
  for (const Setting& setting : settings())
    if (setting.key() == key)
      return setting.field.get(setting, pipeline, route) != setting.field.get(setting, untouched, plain);
  return false;
}

}  // namespace

std::span<const IdleSetting> idle_settings() {
  return table;
}

const IdleSetting* first_idle(std::string_view section, const Pipeline& pipeline, const Route& route) {
  for (const IdleSetting& one : table) {
    const bool of_section = one.key.substr(0, one.key.rfind('.')) == section;
    if (of_section && one.idle(pipeline, route) && is_given(one.key, pipeline, route)) return &one;
  }
  return nullptr;
}

}  // namespace sluice::config
