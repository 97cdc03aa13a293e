#include "config/validators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/codec.h"
#include "base/event_kind.h"
#include "base/host_port.h"
#include "base/http_url.h"
#include "base/parse.h"
#include "base/pattern.h"
#include "base/server_socket.h"
#include "base/table_name.h"
#include "config/column_source.h"
#include "config/conninfo.h"
#include "config/libpq_parameters.h"
#include "config/table_template.h"

namespace sluice::config {

namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool only(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text,
                             [&](char c) { return letters.contains(c) || digits.contains(c) || extra.contains(c); });
}

std::string check_name(const std::string& text, std::size_t longest) {
  if (!text.empty() && text.size() <= longest && only(text, "._-")) return {};
  return fmt::format("must be 1 to {} letters, digits, dots, dashes and underscores; choose another name", longest);
}

constexpr const char* encode_advice =
    "write an @ in a user or password as %40 and a / as %2F, or bring the password in by ${file:/path}, which encodes it";

bool percent_encoded(std::string_view text) {
  for (std::size_t at = 0; (at = text.find('%', at)) != std::string_view::npos; ++at)
    if (at + 2 >= text.size() || !std::isxdigit(static_cast<unsigned char>(text[at + 1])) ||
        !std::isxdigit(static_cast<unsigned char>(text[at + 2])))
      return false;
  return true;
}

std::string check_in_uri(std::string_view pair) {
  const auto equals = pair.find('=');
  const auto name = percent_decoded(pair.substr(0, equals)), value = percent_decoded(pair.substr(equals + 1));
  if (name == "ssl" && value == "true") return {};  // libpq knows this one pair of JDBC's
  return check_libpq_parameter(name, value);
}

std::string check_uri(std::string_view text) {
  if (!percent_encoded(text)) return "has a % that is not followed by two hexadecimal digits; write % itself as %25";
  if (std::ranges::any_of(text, [](char c) { return std::isspace(static_cast<unsigned char>(c)); }))
    return "has white space in a URI; write a space as %20";
  const std::string_view query = text.substr(std::min(text.find('?'), text.size()));
  text.remove_suffix(query.size());
  for (const std::string_view pair : split(query.substr(std::min<std::size_t>(1, query.size())), '&')) {
    if (query.size() <= 1) break;
    if (pair.find('=') == std::string_view::npos || pair.starts_with('='))
      return "has a parameter without a value after the ?; write name=value";
    if (auto wrong = check_in_uri(pair); !wrong.empty()) return wrong;
  }
  std::string_view hosts = text.substr(0, text.find('/'));
  if (std::ranges::count(hosts, '@') > 1) return fmt::format("has a second @; {}", encode_advice);
  if (!hosts.contains('@') && text.contains('@')) return fmt::format("has an @ behind a /; {}", encode_advice);
  if (const std::size_t at = hosts.find('@'); at != std::string_view::npos) hosts.remove_prefix(at + 1);
  for (const std::string_view host : split(hosts, ',')) {
    // A leading colon, or nothing at all, is the default host; a percent-encoded one is a socket's directory.
    if (host.empty() || host.front() == '%') continue;
    const auto address = parse_host_port(host.front() == ':' ? fmt::format("localhost{}", host) : std::string(host));
    if (!address || address->port == 0)
      return "has a host that is not NAME or NAME:PORT; write postgresql://user@host:5432/database";
  }
  return {};
}

std::string check_conninfo(std::string_view text) {
  constexpr const char* neither = "is neither a URI nor key=value pairs; write postgresql://user@host:5432/database";
  if (trimmed(text).empty()) return neither;
  while (const auto pair = next_pair(text)) {
    const bool named = !pair->name.empty() &&
                       std::ranges::all_of(pair->name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    if (!named || !pair->assigned) return neither;
    if (pair->quoted && !pair->ended) return "has a quote that is not closed; close it";
    if (auto wrong = check_libpq_parameter(pair->name, unquoted(pair->value)); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace

std::string check_pipeline(const std::string& text) {
  return check_name(text, 200);
}

std::string check_brokers(const std::string& text) {
  for (const std::string_view broker : split(text, ',')) {
    const auto address = parse_host_port(trimmed(broker, " "));
    if (!address || address->port == 0) return "is not a list HOST:PORT,HOST:PORT; write 127.0.0.1:9092";
  }
  return {};
}

std::string check_group(const std::string& text) {
  return text.empty() || text.size() > 249 ? "must have 1 to 249 characters; leave it out for sluice-PIPELINE" : "";
}

std::string check_instance(const std::string& text) {
  return text.empty() ? "" : check_name(text, 249);
}

std::string check_postgres_url(const std::string& text) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"})
    if (text.starts_with(scheme)) return check_uri(std::string_view(text).substr(scheme.size()));
  if (text.find("://") < text.find('='))
    return "must begin with postgresql:// or be key=value pairs; write postgresql://user@host:5432/database";
  return check_conninfo(text);
}

std::string check_schema(const std::string& text) {
  const bool identifier =
      !text.empty() && text.size() <= longest_identifier && only(text, "_") && !digits.contains(text.front());
  if (!identifier)
    return fmt::format("must be 1 to {} letters, digits and underscores, no digit first; choose another schema",
                       longest_identifier);
  if (text == "information_schema") return "is PostgreSQL's own; choose another schema";
  return text.starts_with("pg_") ? "begins with pg_, which PostgreSQL keeps for itself; choose another schema" : "";
}

std::string check_topic(const std::string& text) {
  if (!text.starts_with('^')) {
    if (text == "." || text == ".." || !check_name(text, 249).empty())
      return "is not a topic name (letters, digits, dots, dashes, underscores); begin a regular expression "
             "with ^";
    return {};
  }
  if (text.size() > 1000) return "is longer than 1000 characters; split the regular expression";
  const auto pattern = Pattern::parse(text);
  return pattern ? "" : fmt::format("is not a regular expression of RE2 ({}); correct it", pattern.error());
}

std::string check_column(const std::string& text) {
  if (!text.empty() && text.size() <= longest_identifier) return {};
  return fmt::format("must be a column name of 1 to {} bytes; name a column of the table", longest_identifier);
}

std::string check_field(const std::string& text) {
  return text.empty() ? "is empty; name a field of the events" : "";
}

std::string check_delimiter(const std::string& text) {
  constexpr std::size_t longest = 8;
  const bool fits = text.size() <= longest && std::ranges::all_of(text, [](char c) {
                      return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("_.-$:/").contains(c);
                    });
  if (fits) return {};
  return fmt::format("is no delimiter; write up to {} letters, digits or _ . - $ : /, such as \"_\"", longest);
}

std::string check_column_source(const std::string& text) {
  const auto source = parse_column_source(text);
  return source ? "" : source.error();
}

std::string check_target_schema(const std::string& text) {
  if (!text.empty() && text.size() <= longest_identifier) return {};
  return fmt::format("must be a schema's name of 1 to {} bytes", longest_identifier);
}

std::string check_user(const std::string& text) {
  return check_name(text, 32);
}

std::string check_path(const std::string& text) {
  return text.empty() || text.ends_with('/') ? "must be the path of a file; write one" : "";
}

std::string check_optional_path(const std::string& text) {
  return text.empty() ? std::string() : check_path(text);
}

std::string check_registry_url(const std::string& text) {
  const auto urls = split_urls(text);
  if (text.empty() || (!urls.empty() && std::ranges::all_of(urls, is_http_url))) return {};
  return "must be http://HOST:PORT or https://HOST:PORT, with the API's path if it has one, without a query; several "
         "are separated by commas";
}

std::string check_hook_url(const std::string& text) {
  if (is_hook_url(text)) return {};
  return "must be https://HOST/PATH, or http:// where the way is safe; copy it from the receiver";
}

std::string check_event_kind(const std::string& text) {
  std::string all;
  for (const auto& one : event_kinds()) {
    if (!one.told) continue;
    if (one.name == text) return {};
    all += (all.empty() ? "" : ", ") + std::string(one.name);
  }
  return "is not a kind of event; use some of " + all;
}

std::pair<std::string, std::string> missing_for_registry(const Pipeline& pipeline) {
  const auto& registry = pipeline.registry;
  if (registry.cert.empty() != registry.key.empty())
    return {registry.cert.empty() ? "registry.cert" : "registry.key",
            "is missing, and a client certificate needs both; set cert and key, or neither"};
  const bool needed = std::ranges::any_of(pipeline.routes, [](const Route& route) { return is_framed(route.format); });
  if (!needed || !registry.url.empty()) return {};
  return {"registry.url", "is missing, and a route's format needs it; write url = \"http://HOST:PORT\" in [registry]"};
}

std::string check_listen(const std::string& text) {
  if (text.empty()) return {};
  if (const auto address = parse_host_port(text); address && address->port) return {};
  return "is not HOST:PORT; write 127.0.0.1:9187, [::1]:9187, or \"\" to switch it off";
}

std::string check_console_listen(const std::string& text) {
  if (!text.starts_with(unix_prefix)) {
    const bool valid = check_listen(text).empty();
    return valid ? ""
                 : "is neither HOST:PORT nor unix:/path; write 127.0.0.1:2222, [::1]:2222, or \"\" to switch it off";
  }
  const auto path = std::string_view(text).substr(unix_prefix.size());
  if (!path.starts_with('/') || path.ends_with('/'))
    return "is not unix: and an absolute path; write unix:/run/sluice/console";
  if (path.size() <= longest_unix_path) return {};
  return fmt::format("is a path longer than {} bytes; write a shorter one", longest_unix_path);
}

bool is_key(std::string_view text) {
  return text.starts_with("-----BEGIN ");
}

unsigned groups_of(const std::string& topic) {
  const auto pattern = Pattern::parse(topic);
  return pattern ? pattern->groups() : 0;
}

std::string check_table(std::string_view text, unsigned groups) {
  if (text.empty()) return "is empty; write schema.table";
  std::string plain;  // with a letter for each placeholder
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '}') return "has a } without a {; remove it";
    if (text[at] != '{') {
      plain += text[at];
      continue;
    }
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos) return "has a { without a }; close it";
    const std::string_view name = text.substr(at + 1, close - at - 1);
    if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
      if (static_cast<unsigned>(name[0] - '0') > groups)
        return fmt::format("uses {{{}}}, but a topic of the route has {} groups; use a regular expression with groups",
                           name, groups == 0 ? "no" : fmt::to_string(groups));
    } else if (name != "topic" && name != "source.db" && name != "source.schema" && name != "source.table") {
      return "has an unknown placeholder; known are {topic}, {source.db}, {source.schema}, {source.table}, "
             "{1} to {9}";
    }
    plain += 'x';
    at = close;
  }
  const auto parts = split(plain, '.');
  if (parts.size() > 2 || std::ranges::any_of(parts, [](std::string_view part) { return part.empty(); }))
    return "is not a table name; write table or schema.table";
  return {};
}

std::string check_target(const Route& route, std::string_view own_schema) {
  const auto [schema, table] = split_template(route.table);
  for (const std::string_view part : {schema, table})
    if (!has_placeholder(part) && part.size() > longest_identifier)
      return fmt::format(
          "has a name longer than {} bytes, which PostgreSQL would cut; write the name that the table has",
          longest_identifier);
  if (!has_placeholder(schema) && !schema.empty() && reserved_schema(schema, own_schema))
    return fmt::format("is in the schema {}, which no event may be written to; name a table of yours", schema);
  return {};
}

std::string check_schemas(const Route& route, std::string_view own_schema) {
  if (has_placeholder(split_template(route.table).schema) && route.schemas.empty())
    return "is missing, and the schema part of table has a placeholder; list the schemas that an event may name, "
           "schemas = [\"public\"]";
  for (const std::string& schema : route.schemas)
    if (reserved_schema(schema, own_schema))
      return fmt::format("has the schema {}, which no event may be written to; remove it", schema);
  return {};
}

}  // namespace sluice::config
