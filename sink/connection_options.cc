#include "sink/connection_options.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/host_port.h"
#include "base/printable.h"

namespace sluice::sink {
namespace {

using Values = std::map<std::string, std::string>;

constexpr std::size_t longest_name = 63;  // of a session; the server would cut it and say so each time
// Bytes of a secret. What is shorter than the second could be any word of the message.
constexpr std::size_t telling_piece = 8, shortest_secret = 4;

// The user's own win over these.
const Values defaults{
    {"connect_timeout", "5"},  {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"}, {"target_session_attrs", "read-write"},
};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ParsedOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

Values values_of(const ParsedOptions& parsed) {
  Values values;
  for (const auto* option = parsed.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') values[option->keyword] = option->val;
  }
  return values;
}

std::vector<std::string> host_parts(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

// Returns what the given values become with the service file and the environment worked in. Only libpq knows how, and
// it does so where it begins to connect: a value that it refuses keeps it from going on, and the rest can be read.
Values effective(const Values& given) {
  constexpr const char* refused_option = "target_session_attrs";
  constexpr const char* refused_value = "none of them";
  Values probe = given;
  probe[refused_option] = refused_value;
  const auto connection = start_connecting(probe);
  if (!connection) return given;
  auto found = values_of(ParsedOptions(PQconninfo(connection.get())));
  if (found[refused_option] != refused_value) return given;  // a service that does not exist: connecting will say so
  found.erase("service");
  found[refused_option] = given.at(refused_option);
  return found;
}

// libpq's reason may quote the string, password included; of those that name a parameter, only the name is told.
std::string not_understood(std::string_view reason) {
  std::string why = "postgres.url is not a connection string that libpq understands";
  for (const std::string_view begin : {"invalid connection option \"", "invalid URI query parameter: \""}) {
    if (!reason.starts_with(begin)) continue;
    reason.remove_prefix(begin.size());
    const auto name = reason.substr(0, reason.find('"'));
    why += fmt::format(": libpq {} does not know the parameter {}; remove it, or use a newer libpq",
                       PQlibVersion() / 10000, printable(name, 40));
    return why;
  }
  return why + "; write postgresql://user@host:5432/database";
}

bool is_given(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// A service file that says `prefer` cannot be told from one that says nothing.
bool says_sslmode(const Values& given, const Values& all) {
  const auto mode = all.find("sslmode");
  return given.contains("sslmode") || is_given("PGSSLMODE") || (mode != all.end() && mode->second != "prefer");
}

}  // namespace

ConnectionHandle start_connecting(const std::map<std::string, std::string>& options) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : options) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return ConnectionHandle(PQconnectStartParams(names.data(), values.data(), 0));
}

std::string ConnectionOptions::get(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

std::string ConnectionOptions::server() const {
  const auto host = get("host").empty() ? get("hostaddr") : get("host");
  if (host.empty() || host.front() == '/' || host.front() == '@') return host.empty() ? "local socket" : host;
  const auto port = get("port");
  return fmt::format("{}:{}", host, port.empty() ? "5432" : port);
}

bool is_local(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || is_loopback(host);
}

// libpq moves on to the next host only in its blocking form, and there each has the whole time-out: so each host is an
// attempt of its own here.
Result<std::vector<ConnectionOptions>> connection_options(const Secret& url, const std::string& application_name) {
  char* reason = nullptr;
  const ParsedOptions parsed(PQconninfoParse(url.reveal().c_str(), &reason));
  if (!parsed) {
    auto why = not_understood(reason == nullptr ? "" : reason);
    PQfreemem(reason);
    return fail(ErrorClass::stop_service, std::move(why));
  }
  auto given = values_of(parsed);
  given.insert(defaults.begin(), defaults.end());
  given["application_name"] = application_name.substr(0, longest_name);
  const auto all = effective(given);
  std::size_t hosts = 1;
  for (const auto* name : {"host", "hostaddr"}) {
    if (const auto found = all.find(name); found != all.end())
      hosts = std::max(hosts, host_parts(found->second).size());
  }
  std::vector<ConnectionOptions> each(hosts, ConnectionOptions{all, false});
  for (std::size_t i = 0; i < hosts; ++i) {
    for (const auto* name : {"host", "hostaddr", "port"}) {
      const auto found = all.find(name);
      if (found == all.end()) continue;
      const auto parts = host_parts(found->second);
      each[i].values[name] = parts[std::min(i, parts.size() - 1)];
    }
    if (says_sslmode(given, all) || (is_local(each[i].get("host")) && is_local(each[i].get("hostaddr")))) continue;
    each[i].values["sslmode"] = "verify-full";
    each[i].demands_tls = true;
  }
  return each;
}

std::string without_secret(std::string_view text, std::string_view secret) {
  if (secret.size() < shortest_secret) return std::string(text);
  const auto least = std::min(telling_piece, secret.size());
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t longest = 0;
    for (std::size_t from = 0; from + least <= secret.size(); ++from) {
      std::size_t same = 0;
      while (at + same < text.size() && from + same < secret.size() && text[at + same] == secret[from + same]) ++same;
      longest = std::max(longest, same);
    }
    if (longest >= least) {
      out += Secret::mask;
      at += longest;
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace sluice::sink
