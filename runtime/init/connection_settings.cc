// Where the sink connects to, and how its consumer reads.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/host_port.h"
#include "base/parse.h"
#include "config/validators.h"
#include "runtime/init/sink_settings.h"

namespace sluice::runtime {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// Parameters of PostgreSQL's JDBC driver that libpq has, too.
constexpr std::array<Pair, 11> libpq_parameters = {{
    {"sslmode", "sslmode"},
    {"sslrootcert", "sslrootcert"},
    {"sslcert", "sslcert"},
    {"sslkey", "sslkey"},
    {"ApplicationName", "application_name"},
    {"connectTimeout", "connect_timeout"},
    {"options", "options"},
    {"gssEncMode", "gssencmode"},
    {"channelBinding", "channel_binding"},
    {"kerberosServerName", "krbsrvname"},
    {"tcpUserTimeout", "tcp_user_timeout"},
}};

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    const auto digits = text.substr(at + 1 > text.size() ? text.size() : at + 1, 2);
    const bool encoded = text[at] == '%' && digits.size() == 2 &&
                         std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr == digits.data() + 2;
    out += encoded ? static_cast<char>(byte) : text[at] == '+' ? ' ' : text[at];
    if (encoded) at += 2;
  }
  return out;
}

void add_parameter(Sink& sink, const ConnectEntry& url, std::string_view name, std::string_view raw) {
  const std::string value = percent_decoded(raw);
  const std::string setting = fmt::format("{}?{}", url.name, name);
  const auto known = std::ranges::find(libpq_parameters, name, &Pair::first);
  if (name == "user") {
    sink.user = value.contains("${") ? sink.secret({setting, value, url.line}, "postgres_user") : url_encoded(value);
  } else if (name == "password") {
    sink.password = sink.secret({setting, value, url.line}, "postgres_password");
  } else if (name == "ssl") {
    // For the driver, ssl without a mode is a verified certificate.
    if (value != "false") sink.parameters.emplace(sink.parameters.begin(), "sslmode", "verify-full");
  } else if (name == "currentSchema") {
    sink.schema = list_of(value).empty() ? "" : list_of(value).front();
  } else if (name == "tcpKeepAlive") {
    sink.parameters.emplace_back("keepalives", value == "false" ? "0" : "1");
  } else if (name == "targetServerType" && (value == "primary" || value == "master")) {
    sink.parameters.emplace_back("target_session_attrs", "read-write");
  } else if (known != libpq_parameters.end() && !value.contains("${")) {
    std::erase_if(sink.parameters, [&](const auto& one) { return one.first == known->second; });
    sink.parameters.emplace_back(known->second, url_encoded(value));
    if (name == "sslkey") sink.notes.emplace_back(setting, "libpq reads PEM files; convert a key in PK8 or DER");
  } else {
    sink.notes.emplace_back(setting, "a parameter of the JDBC driver that libpq does not have");
  }
}

// jdbc:postgresql://HOST:PORT,HOST:PORT/DATABASE?NAME=VALUE&…, or jdbc:postgresql:DATABASE on this machine.
void take_url(Sink& sink, const ConnectEntry& entry) {
  std::string_view text = trimmed(entry.value);
  if (text.starts_with("${")) {
    sink.whole_url = sink.secret(entry, "postgres_url");
    sink.notes.emplace_back(entry.name, fmt::format("what {} names has to be a URL of libpq, "
                                                    "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in place of JDBC's",
                                                    sink.whole_url));
    return;
  }
  for (const std::string_view prefix : {"jdbc:aws-wrapper:", "jdbc:"})
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  constexpr std::string_view scheme = "postgresql:";
  if (!text.starts_with(scheme))
    throw BadSetting{entry.line, fmt::format("{} is not a URL of PostgreSQL, which is all that Sluice writes to; write "
                                             "jdbc:postgresql://HOST:PORT/DATABASE",
                                             entry.name)};
  text.remove_prefix(scheme.size());
  const auto query = std::min(text.find('?'), text.size());
  auto base = text.substr(0, query);
  if (base.starts_with("//")) {
    base.remove_prefix(2);
    const auto slash = std::min(base.find('/'), base.size());
    sink.hosts = base.substr(0, slash);
    base.remove_prefix(std::min(slash + 1, base.size()));
    if (const auto at = sink.hosts.rfind('@'); at != sink.hosts.npos) {
      // Not JDBC's form, but some write it.
      const auto user = sink.hosts.substr(0, at);
      sink.hosts.erase(0, at + 1);
      const auto end = user.find(':');
      sink.user = url_encoded(percent_decoded(user.substr(0, end)));
      if (end != user.npos) sink.password = sink.secret({entry.name, "", entry.line}, "postgres_password");
    }
  } else {
    sink.hosts = "localhost";
  }
  sink.database = url_encoded(percent_decoded(base.starts_with('/') ? base.substr(1) : base));
  if (sink.hosts.contains("${") || sink.database.contains("${"))
    throw BadSetting{entry.line, fmt::format("{} has a reference within it; write host and database out", entry.name)};
  for (const auto host : split(sink.hosts, ','))
    if (const auto address = parse_host_port(host); !host.empty() && (!address || address->port == 0))
      throw BadSetting{entry.line, fmt::format("{} has a host that is not NAME or NAME:PORT; correct it", entry.name)};
  for (const auto pair : split(text.substr(std::min(query + 1, text.size())), '&'))
    if (!pair.empty()) {
      const auto equals = std::min(pair.find('='), pair.size());
      add_parameter(sink, entry, pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    }
}

void take_user(Sink& sink, const ConnectEntry& entry) {
  sink.user = entry.value.contains("${") ? sink.secret(entry, "postgres_user") : url_encoded(entry.value);
}

void take_password(Sink& sink, const ConnectEntry& entry) {
  sink.password = sink.secret(entry, "postgres_password");
}

// Properties of Kafka's Java consumer that librdkafka has, with its name for them.
constexpr std::array<Pair, 20> client_properties = {{
    {"security.protocol", "security.protocol"},
    {"sasl.mechanism", "sasl.mechanism"},
    {"sasl.kerberos.service.name", "sasl.kerberos.service.name"},
    {"sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.token.endpoint.url"},
    {"ssl.endpoint.identification.algorithm", "ssl.endpoint.identification.algorithm"},
    {"fetch.min.bytes", "fetch.min.bytes"},
    {"fetch.max.bytes", "fetch.max.bytes"},
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"max.partition.fetch.bytes", "max.partition.fetch.bytes"},
    {"session.timeout.ms", "session.timeout.ms"},
    {"heartbeat.interval.ms", "heartbeat.interval.ms"},
    {"max.poll.interval.ms", "max.poll.interval.ms"},
    {"connections.max.idle.ms", "connections.max.idle.ms"},
    {"metadata.max.age.ms", "metadata.max.age.ms"},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"reconnect.backoff.ms", "reconnect.backoff.ms"},
    {"reconnect.backoff.max.ms", "reconnect.backoff.max.ms"},
    {"request.timeout.ms", "socket.timeout.ms"},
    {"client.id", "client.id"},
}};

// An option of a JAAS line: NAME="TEXT" or NAME='TEXT'.
std::string jaas_option(std::string_view line, std::string_view name) {
  for (auto at = line.find(name); at != line.npos; at = line.find(name, at + 1)) {
    auto rest = trimmed(line.substr(at + name.size()));
    const bool whole = at == 0 || std::string_view(" \t\n;").contains(line[at - 1]);
    if (!whole || !rest.starts_with('=')) continue;
    rest = trimmed(rest.substr(1));
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return {};
    return std::string(rest.substr(1, rest.find(rest.front(), 1) - 1));
  }
  return {};
}

void take_jaas(Sink& sink, const ConnectEntry& entry) {
  const bool named = entry.value.contains("LoginModule");
  if (named && !entry.value.contains("PlainLoginModule") && !entry.value.contains("ScramLoginModule"))
    return sink.without(entry.name, "a login of Java's: set what librdkafka needs for it in [kafka.properties]");
  const auto user = jaas_option(entry.value, "username");
  sink.properties["sasl.username"] =
      user.empty() || user.contains("${") ? sink.secret({entry.name, user, entry.line}, "kafka_user") : user;
  sink.properties["sasl.password"] =
      sink.secret({entry.name, jaas_option(entry.value, "password"), entry.line}, "kafka_password");
}

void take_brokers(Sink& sink, const ConnectEntry& entry) {
  std::string brokers;
  for (const auto& one : list_of(entry.value)) {
    const auto scheme = one.find("://");  // of a listener
    brokers += fmt::format("{}{}", brokers.empty() ? "" : ",", scheme == one.npos ? one : one.substr(scheme + 3));
  }
  if (brokers.contains("${") || !config::check_brokers(brokers).empty())
    return sink.without(entry.name, "is not a list HOST:PORT,HOST:PORT; set kafka.brokers");
  sink.brokers = brokers;
}

void take_strategy(Sink& sink, const ConnectEntry& entry) {
  if (entry.value.contains("CooperativeSticky"))
    sink.strategy = "cooperative-sticky";
  else if (!entry.value.contains("Range"))
    sink.without(entry.name, "Sluice has range and cooperative-sticky");
}

void take_override(Sink& sink, const ConnectEntry& entry) {
  const auto name = std::string_view(entry.name).substr(std::string_view("consumer.override.").size());
  const auto known = std::ranges::find(client_properties, name, &Pair::first);
  const auto refused = std::ranges::find_if(config::refused_properties(), [&](const config::Refused& one) {
    return one.property.ends_with('.') ? name.starts_with(one.property) : name == one.property;
  });
  // One word, or a reference: what is more may hold a secret.
  const bool plain = entry.value.find_first_of(" \t\"'@;") == entry.value.npos;
  if (known != client_properties.end() && !plain) {
    sink.without(entry.name, "is not one word; set it in [kafka.properties]");
  } else if (known != client_properties.end()) {
    auto value = sink.open_value(entry, "kafka_property");
    if (known->first == "ssl.endpoint.identification.algorithm" && trimmed(value).empty()) value = "none";
    sink.properties[std::string(known->second)] = value;
  } else if (refused != config::refused_properties().end()) {
    sink.without(entry.name, refused->reason);
  } else if (name.starts_with("ssl.truststore.") || name.starts_with("ssl.keystore.") || name == "ssl.key.password") {
    sink.without(entry.name,
                 "librdkafka reads PEM files: set ssl.ca.location, ssl.certificate.location and "
                 "ssl.key.location in [kafka.properties]");
  } else {
    sink.without(entry.name, "a property of Kafka's Java consumer that librdkafka does not have under this name");
  }
}

void take_group(Sink& sink, const ConnectEntry& entry) {
  sink.group = entry.value;
}

void take_instance(Sink& sink, const ConnectEntry& entry) {
  if (config::check_instance(entry.value).empty())
    sink.instance = entry.value;
  else
    sink.without(entry.name, "is not a name that kafka.instance takes");
}

constexpr std::string_view one_for_each_lane = "each lane has one connection: postgres.lanes";

constexpr std::array<SinkSetting, 24> connection_table = {{
    {"connection.url", any_sink, "postgres.url",
     "Host, port, database and the driver's parameters that libpq has, too. A parameter that it does not have is named. "
     "`currentSchema` becomes the schema of tables whose name says none",
     take_url},
    {"connection.user", confluent | aiven, "postgres.url", "The user in it", take_user},
    {"connection.username", debezium, "postgres.url", "The user in it", take_user},
    {"connection.password", any_sink, "postgres.url",
     "A reference in it, `${credential:postgres_password}`. References to Connect's environment and directory providers "
     "become `${env:…}` and `${file:…}`",
     take_password},
    {"connection.attempts", confluent | aiven, "", tries_again},
    {"connection.backoff.ms", confluent | aiven, "", tries_again},
    {"connection.provider", debezium, "", "there is no pool; each lane has one connection"},
    {"connection.pool.", debezium, "", one_for_each_lane},
    {"connection.restart.on.errors", debezium, "",
     "a lost connection is always made anew, and the pointer in PostgreSQL says what was applied"},
    {"connection.", any_sink, "", "a property of the JDBC driver; parameters of libpq go into postgres.url"},
    {"bootstrap.servers", any_sink, "kafka.brokers", "Unless `--brokers` says them", take_brokers},
    {"consumer.override.bootstrap.servers", any_sink, "kafka.brokers", "Unless `--brokers` says them", take_brokers},
    {"consumer.override.group.id", any_sink, "kafka.start",
     "The group whose positions are taken over; without it `connect-NAME`", take_group},
    {"consumer.override.group.instance.id", any_sink, "kafka.instance", "As it is", take_instance},
    {"consumer.override.auto.offset.reset", any_sink, "",
     "a partition for which the group has committed nothing starts at its earliest record"},
    {"consumer.override.partition.assignment.strategy", any_sink, "kafka.strategy", "`range` or `cooperative-sticky`",
     take_strategy},
    {"consumer.override.sasl.jaas.config", any_sink, "kafka.properties",
     "`sasl.username` and, as a reference, `sasl.password`", take_jaas},
    {"consumer.override.max.poll.records", any_sink, "", "batch.rows says how many records a transaction has"},
    {"consumer.override.", any_sink, "kafka.properties",
     "Those that librdkafka has, under its name. Key stores do not: librdkafka reads PEM files", take_override},
    {"producer.override.", any_sink, "", "Sluice writes to no topic"},
    {"admin.override.", any_sink, "", "Sluice makes no topic"},
    {"offset.flush.", any_sink, "", "positions are in PostgreSQL, in the transaction of the rows"},
    {"max.retries", confluent | aiven, "", tries_again},
    {"retry.backoff.ms", confluent | aiven, "", tries_again},
}};

}  // namespace

std::span<const SinkSetting> connection_settings() {
  return connection_table;
}

}  // namespace sluice::runtime
