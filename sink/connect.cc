#include "sink/connect.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include "base/interrupt.h"

namespace sluice::sink {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Options = std::map<std::string, std::string>;

constexpr seconds longest_timeout{10};
constexpr milliseconds interrupt_interval{100};  // how often a wait looks whether it is interrupted
constexpr std::size_t longest_name = 63;         // of a session; the server would cut it and say so each time

// The user's own win over these.
const Options defaults{
    {"connect_timeout", "5"},  {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"}, {"target_session_attrs", "read-write"},
};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

Result<Options> options_of(const Secret& url, const std::string& application_name) {
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(PQconninfoParse(url.reveal().c_str(), &reason));
  if (!parsed) {  // libpq's reason may quote the string, password included
    PQfreemem(reason);
    return fail(ErrorClass::stop_service, "postgres.url is not a connection string that libpq understands");
  }
  Options options = defaults;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options[option->keyword] = option->val;
  }
  options["application_name"] = application_name.substr(0, longest_name);
  return options;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

// libpq moves on to the next host only in its blocking form, and there each has the whole time-out: so each host is an
// attempt of its own here.
std::vector<Options> one_per_host(const Options& options) {
  std::size_t hosts = 1;
  for (const auto* name : {"host", "hostaddr"}) {
    if (const auto found = options.find(name); found != options.end())
      hosts = std::max(hosts, split(found->second).size());
  }
  std::vector<Options> each(hosts, options);
  for (const auto* name : {"host", "hostaddr", "port"}) {
    const auto found = options.find(name);
    if (found == options.end()) continue;
    const auto parts = split(found->second);
    for (std::size_t i = 0; i < hosts; ++i) each[i][name] = parts[std::min(i, parts.size() - 1)];
  }
  return each;
}

milliseconds timeout_of(const Options& options) {
  const auto& text = options.at("connect_timeout");
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value > 0 ? std::min<milliseconds>(seconds(value), longest_timeout) : longest_timeout;  // libpq: 0 is for ever
}

Result<ConnectionHandle> connect_to(const Options& options, Clock::time_point deadline) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : options) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  ConnectionHandle connection(PQconnectStartParams(names.data(), values.data(), 0));
  if (!connection) return fail(ErrorClass::retry, "out of memory");
  if (PQstatus(connection.get()) == CONNECTION_BAD)
    return fail(ErrorClass::retry, one_line(PQerrorMessage(connection.get())));
  for (auto wanted = PGRES_POLLING_WRITING;;) {
    if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
    const auto until = std::min({deadline, interruption().deadline, Clock::now() + interrupt_interval});
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    if (Clock::now() >= std::min(deadline, interruption().deadline))
      return fail(ErrorClass::retry, "PostgreSQL did not answer the attempt to connect in time");
    const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd descriptor{PQsocket(connection.get()), events, 0};
    if (::poll(&descriptor, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) continue;
    wanted = PQconnectPoll(connection.get());
    if (wanted == PGRES_POLLING_OK) return connection;
    if (wanted == PGRES_POLLING_FAILED) return fail(ErrorClass::retry, one_line(PQerrorMessage(connection.get())));
  }
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

Result<ConnectionHandle> connect(const Secret& url, const std::string& application_name) {
  const auto options = options_of(url, application_name);
  if (!options) return std::unexpected(options.error());
  const auto deadline = Clock::now() + timeout_of(*options);
  const auto hosts = one_per_host(*options);
  std::string reasons;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto left = deadline - Clock::now();
    auto connection = connect_to(hosts[i], Clock::now() + left / static_cast<int>(hosts.size() - i));
    if (connection) return connection;
    reasons += (reasons.empty() ? "" : "; ") + connection.error().message;
  }
  return fail(ErrorClass::retry, reasons);
}

}  // namespace sluice::sink
