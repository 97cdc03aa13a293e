#include "sink/sql_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <pqxx/pqxx>
#include <stdexcept>
#include <utility>

#include "base/interrupt.h"
#include "base/utf8.h"
#include "sink/connect.h"
#include "sink/server_error.h"
#include "sink/socket_deadline.h"

namespace sluice::sink {
namespace {

// Longer than the server lets a statement run.
constexpr std::chrono::seconds answer_timeout{25};
// Compiling a look at the catalogue would take a hundred times as long as the look.
constexpr const char* client_settings = "SET jit = off; SET lock_timeout = '20s'";

struct NotConnected : std::runtime_error {
  explicit NotConnected(Error why) : std::runtime_error(why.message), error(std::move(why)) {}
  Error error;
};

// libpqxx keeps a connection and its policy to itself; this is what its thread's last one has seen. A statement can
// only be cancelled through a handle of libpq's.
struct Seen {
  ServerSecurity security;
  CancelHandle cancel;
};
thread_local Seen last_opened;

// Connects as the write paths do, and once only: a lost connection must not be reopened silently, without its
// settings and in the middle of a transaction.
class ConnectOnce : public pqxx::connectionpolicy {
 public:
  explicit ConnectOnce(const std::string& url) : connectionpolicy(url) {}
  handle do_startconnect(handle known) override {
    if (known != nullptr) return known;
    if (std::exchange(connected_, true)) throw pqxx::broken_connection("the connection was lost");
    auto opened = connect(Secret(options()), "sluice");
    if (!opened) throw NotConnected(opened.error());
    last_opened = {security_of(opened->get()), cancel_handle(opened->get())};
    return opened->release();
  }
  handle do_completeconnect(handle connection) override { return connection; }

 private:
  bool connected_ = false;
};
using PqxxSession = pqxx::basic_connection_base<ConnectOnce>;

Rows rows_of(const pqxx::result& result) {
  Row::Names names;
  for (pqxx::result::size_type i = 0; i < static_cast<pqxx::result::size_type>(result.columns()); ++i)
    names.emplace_back(result.column_name(static_cast<pqxx::row_size_type>(i)));
  const auto shared = std::make_shared<const Row::Names>(std::move(names));
  Rows rows;
  rows.reserve(result.size());
  for (const auto& row : result) {
    Fields fields;
    for (const auto& field : row)
      fields.push_back(field.is_null() ? Field() : Field(std::in_place, field.c_str(), field.size()));
    rows.emplace_back(shared, std::move(fields));
  }
  return rows;
}

// With (U+6F22) for each letter beyond ASCII: it stays a text of JSON, where it was one.
std::string in_ascii(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto one = first_character(text);
    if (one.valid && one.bytes > 1)
      out += fmt::format("(U+{:04X})", static_cast<std::uint32_t>(one.code));
    else
      out += one.bytes == 1 && (text.front() & 0x80) == 0 ? text.front() : '?';
    text.remove_prefix(one.bytes);
  }
  return out;
}

bool has_only_ascii(const Field& field) {
  return !field || std::ranges::all_of(*field, [](char c) { return (c & 0x80) == 0; });
}

// libpqxx has the SQLSTATE of most errors; of those that it has a class for, it may have lost it.
std::string sqlstate_of(const pqxx::sql_error& failure) {
  if (!failure.sqlstate().empty()) return failure.sqlstate();
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&failure)) return "42501";
  if (dynamic_cast<const pqxx::undefined_table*>(&failure)) return "42P01";
  if (dynamic_cast<const pqxx::undefined_column*>(&failure)) return "42703";
  if (dynamic_cast<const pqxx::undefined_function*>(&failure)) return "42883";
  return {};
}

}  // namespace

const Field& Row::operator[](std::string_view column) const {
  const auto found = std::ranges::find(*names_, column);
  if (found == names_->end()) throw std::out_of_range(fmt::format("an answer has no column {}", column));
  return fields_[static_cast<std::size_t>(found - names_->begin())];
}

WallClock::time_point Row::moment(std::string_view column) const {
  return WallClock::time_point(std::chrono::milliseconds(integer(column)));
}

std::optional<WallClock::time_point> Row::perhaps_moment(std::string_view column) const {
  return (*this)[column] ? std::optional(moment(column)) : std::nullopt;
}

std::int64_t Row::integer(std::string_view column) const {
  std::int64_t value = 0;
  if (const auto& field = (*this)[column]) std::from_chars(field->data(), field->data() + field->size(), value);
  return value;
}

Field unless_empty(const std::string& text) {
  return text.empty() ? Field() : Field(text);
}

Result<void> only_done(const Result<Rows>& rows) {
  if (!rows) return std::unexpected(rows.error());
  return {};
}

struct SqlClient::State {
  explicit State(const Secret& url) : session(url.reveal()), seen(last_opened) {
    session.set_verbosity(pqxx::connection_base::terse);
  }
  PqxxSession session;
  Seen seen;
  bool lost = false;
};

SqlClient::SqlClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
SqlClient::SqlClient(SqlClient&&) noexcept = default;
SqlClient& SqlClient::operator=(SqlClient&&) noexcept = default;
SqlClient::~SqlClient() = default;

Result<SqlClient> SqlClient::open(const Secret& url, const std::string& application_name) try {
  SqlClient client(std::make_unique<State>(url));
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  if (const auto set = client.run(client_settings, {}, deadline); !set) return std::unexpected(set.error());
  const auto named = client.run("SELECT set_config('application_name', $1, false)", {application_name}, deadline);
  if (!named) return std::unexpected(named.error());
  return client;
} catch (const NotConnected& failure) {
  return std::unexpected(failure.error);
} catch (const std::exception& failure) {
  return fail(ErrorClass::retry, one_line(failure.what()));
}

bool SqlClient::connected() const {
  return !state_->lost && state_->session.is_open();
}

const ServerSecurity& SqlClient::security() const {
  return state_->seen.security;
}

Result<Rows> SqlClient::run(const std::string& sql, const Fields& parameters) {
  return run(sql, parameters, Clock::now() + answer_timeout);
}

Result<Rows> SqlClient::run(const std::string& sql, const Fields& parameters, Clock::time_point deadline) {
  if (!connected()) return fail(ErrorClass::retry, "PostgreSQL: the connection was lost");
  const auto& interrupted = interruption();
  if (interrupted.requested()) return fail(ErrorClass::retry, std::string(cancelled));
  std::optional<SocketDeadline> limit;
  try {
    limit.emplace(state_->session.sock(), interrupted.earlier(deadline), interrupted.stop, state_->seen.cancel);
    // Without BEGIN and COMMIT of its own; the statement may bring them.
    pqxx::nontransaction direct(state_->session);
    if (parameters.empty()) return rows_of(direct.exec(sql));
    std::vector<const char*> values;
    for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
    return rows_of(direct.exec_params(sql, pqxx::prepare::make_dynamic_params(values)));
  } catch (const pqxx::sql_error& failure) {
    if (interrupted.requested()) return fail(ErrorClass::retry, std::string(cancelled), sqlstate_of(failure));
    // What people type, and what is asked about, may have letters that the database's encoding lacks.
    const bool untranslatable = sqlstate_of(failure) == "22P05" && !std::ranges::all_of(parameters, has_only_ascii);
    if (untranslatable) {
      Fields plain = parameters;
      for (auto& one : plain)
        if (one) one = in_ascii(*one);
      limit.reset();
      if (auto again = run(sql, plain, deadline)) return again;  // not within a transaction, which has failed
    }
    auto why = one_line(failure.what());
    constexpr std::string_view severity = "ERROR:  ";
    if (why.starts_with(severity)) why.erase(0, severity.size());
    why += permission_advice(std::string_view(why).substr(0, why.find(" at character ")), state_->session.username());
    return fail(ErrorClass::retry, std::move(why), sqlstate_of(failure));
  } catch (const std::exception& failure) {
    state_->lost = true;
    if (interrupted.requested()) {
      return fail(ErrorClass::retry,
                  fmt::format("{}; PostgreSQL does not answer, so whether it took effect is not known", cancelled));
    }
    return fail(ErrorClass::retry,
                limit && limit->passed() ? "PostgreSQL did not answer in time" : one_line(failure.what()));
  }
}

std::string libpq_version() {
  const int version = PQlibVersion();
  return fmt::format("{}.{}", version / 10000, version % 10000);
}

std::string libpqxx_version() {
  return PQXX_VERSION;
}

}  // namespace sluice::sink
