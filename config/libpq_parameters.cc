#include "config/libpq_parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "base/parse.h"
#include "base/printable.h"
#include "config/spelling.h"

namespace sluice::config {
namespace {

struct Parameter {
  std::string_view name;
  std::string_view values = {};  // those that it takes, with commas between; "number"; empty: any
};

constexpr std::string_view versions = "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3";

constexpr auto parameters = std::to_array<Parameter>({
    {"host"},
    {"hostaddr"},
    {"port"},
    {"dbname"},
    {"user"},
    {"password"},
    {"passfile"},
    {"require_auth"},
    {"channel_binding", "disable,prefer,require"},
    {"connect_timeout", "number"},
    {"client_encoding"},
    {"options"},
    {"application_name"},
    {"fallback_application_name"},
    {"keepalives", "number"},
    {"keepalives_idle", "number"},
    {"keepalives_interval", "number"},
    {"keepalives_count", "number"},
    {"tcp_user_timeout", "number"},
    {"replication"},
    {"gssencmode", "disable,prefer,require"},
    {"sslmode", "disable,allow,prefer,require,verify-ca,verify-full"},
    {"sslnegotiation", "postgres,direct"},
    {"sslcompression"},
    {"sslcert"},
    {"sslkey"},
    {"sslkeylogfile"},
    {"sslpassword"},
    {"sslcertmode", "disable,allow,require"},
    {"sslrootcert"},
    {"sslcrl"},
    {"sslcrldir"},
    {"sslsni"},
    {"requirepeer"},
    {"ssl_min_protocol_version", versions},
    {"ssl_max_protocol_version", versions},
    {"min_protocol_version"},
    {"max_protocol_version"},
    {"krbsrvname"},
    {"gsslib"},
    {"gssdelegation"},
    {"scram_client_key"},
    {"scram_server_key"},
    {"service"},
    {"servicefile"},
    {"target_session_attrs", "any,read-write,read-only,primary,standby,prefer-standby"},
    {"load_balance_hosts", "disable,random"},
    {"oauth_issuer"},
    {"oauth_client_id"},
    {"oauth_client_secret"},
    {"oauth_scope"},
});

struct OtherName {
  std::string_view name, meant;
};

// What other drivers call them.
constexpr auto other_names = std::to_array<OtherName>({
    {"database", "dbname"},
    {"db", "dbname"},
    {"username", "user"},
    {"pass", "password"},
    {"pwd", "password"},
    {"ssl", "sslmode"},
    {"ssl_mode", "sslmode"},
    {"timeout", "connect_timeout"},
    {"connecttimeout", "connect_timeout"},
    {"logintimeout", "connect_timeout"},
    {"tcpkeepalive", "keepalives"},
    {"applicationname", "application_name"},
    {"targetservertype", "target_session_attrs"},
    {"currentschema", "options=-csearch_path="},
    {"search_path", "options=-csearch_path="},
    {"statement_timeout", "options=-cstatement_timeout="},
});

std::string_view meant(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto other = std::ranges::find(other_names, lower, &OtherName::name);
  if (other != other_names.end()) return other->meant;
  std::vector<std::string_view> known;
  for (const auto& parameter : parameters) known.push_back(parameter.name);
  return nearest(name, known);
}

}  // namespace

std::string check_libpq_parameter(std::string_view name, std::string_view value) {
  const auto known = std::ranges::find(parameters, name, &Parameter::name);
  if (known == parameters.end()) {
    const auto near = meant(name);
    const bool part_of_password = value.contains('@');  // of one with a ? that is not written as %3F
    const auto which = part_of_password ? std::string() : fmt::format(" {}", printable(name, 40));
    return fmt::format("has the parameter{}, which libpq does not know; {}", which,
                       near.empty() ? "remove it" : fmt::format("did you mean {}?", near));
  }
  if (known->values.empty() || value.empty()) return {};
  if (known->values == "number")
    return parse_integer<int>(trimmed(value)) ? ""
                                              : fmt::format("has a {} that is not a whole number; write one", name);
  const auto allowed = split(known->values, ',');
  if (std::ranges::find(allowed, value) != allowed.end()) return {};
  return fmt::format("has a {} that libpq does not know; write {}", name, fmt::join(allowed, " | "));
}

}  // namespace sluice::config
