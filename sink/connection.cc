#include "sink/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/failpoint.h"
#include "base/interrupt.h"
#include "sink/server_error.h"
#include "sink/socket_deadline.h"

namespace sluice::sink {
namespace {

// A limit for every wait, beside the settings of every session (connect.cc). A process that freezes in the middle of a
// transaction must not keep its successor waiting for its pointer rows. The answer tells whether the session can write.
constexpr const char* session_settings =
    "SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '60s'; SET lock_timeout = '3s'; "
    "SELECT pg_catalog.current_setting('transaction_read_only')";
// Not on every platform: a backend that works for a client that is gone notices within seconds.
constexpr const char* check_the_client = "SET client_connection_check_interval = '5s'";
constexpr std::chrono::seconds settings_timeout{5};
// Of a wait for somebody who may interrupt it: how often it looks, and how long a cancelled statement may take to end.
constexpr std::chrono::milliseconds interrupt_interval{50};
constexpr std::chrono::seconds cancel_timeout{1};

}  // namespace

Result<void> Connection::open(const Secret& url, const std::string& application_name) {
  close();
  auto opened = connect(url, application_name);
  if (!opened) return std::unexpected(opened.error());
  connection_ = opened->release();
  // A trigger's warning may quote a row; only what ends the session is kept.
  const auto keep = [](void* self, const PGresult* result) {
    const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == nullptr || std::string_view(severity) != "FATAL") return;
    static_cast<Connection*>(self)->notice_ = server_error(result, "").message;
  };
  PQsetNoticeReceiver(connection_, keep, this);
  PQsetnonblocking(connection_, 1);
  const auto deadline = Clock::now() + settings_timeout;
  for (const auto* text : {session_settings, check_the_client}) {
    const auto done = run(text, deadline);
    if (done && text == session_settings && std::string_view(PQgetvalue(done->rows.get(), 0, 0)) == "on") {
      const auto why = read_only_reason(connection_);
      close();
      return fail(ErrorClass::retry, why);
    }
    if (done || (text == check_the_client && is_open())) continue;
    close();
    return fail(ErrorClass::retry, done.error().message, done.error().sqlstate);
  }
  return {};
}

void Connection::close() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
  expected_.clear();
  wants_write_ = sent_badly_ = copying_ = copy_ended_ = false;
  source_ = nullptr;
  notice_.clear();
  reply_ = {};
  error_.reset();
}

std::unexpected<Error> Connection::lose(std::string_view why) {
  close();
  return fail(ErrorClass::reclaim, std::string(why));
}

bool Connection::in_transaction() const {
  return connection_ != nullptr && PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

bool Connection::stores_any_text() const {
  const char* encoding = connection_ == nullptr ? nullptr : PQparameterStatus(connection_, "server_encoding");
  return encoding != nullptr && std::string_view(encoding) == "UTF8";
}

bool Connection::begin_pipeline() {
  if (PQpipelineStatus(connection_) != PQ_PIPELINE_OFF) return true;
  return PQenterPipelineMode(connection_) == 1;
}

void Connection::send(Statement& statement, Parameters& parameters) {
  sent_badly_ |= !begin_pipeline();
  if (statement.name.empty()) {
    sent_badly_ |= PQsendQueryParams(connection_, statement.sql.c_str(), parameters.count(), nullptr,
                                     parameters.values(), parameters.lengths(), parameters.formats(), 0) != 1;
  } else {
    if (!statement.ready) {
      sent_badly_ |= PQsendPrepare(connection_, statement.name.c_str(), statement.sql.c_str(), 0, nullptr) != 1;
      expected_.push_back({Expected::Kind::prepare, &statement});
      statement.ready = true;  // for what is queued behind; taken back if it fails
    }
    sent_badly_ |= PQsendQueryPrepared(connection_, statement.name.c_str(), parameters.count(), parameters.values(),
                                       parameters.lengths(), parameters.formats(), 0) != 1;
  }
  expected_.push_back({Expected::Kind::execute, &statement});
}

void Connection::send(const char* text) {
  sent_badly_ |= !begin_pipeline();
  sent_badly_ |= PQsendQueryParams(connection_, text, 0, nullptr, nullptr, nullptr, nullptr, 0) != 1;
  expected_.push_back({Expected::Kind::execute});
}

void Connection::commit() {
  send("COMMIT");
  expected_.back().kind = Expected::Kind::commit;
}

void Connection::sync() {
  sent_badly_ |= PQpipelineSync(connection_) != 1;
  expected_.push_back({Expected::Kind::sync});
  wants_write_ = PQflush(connection_) == 1;  // the server begins now, not when the caller next looks
}

#ifdef SLUICE_FAULTS
void Connection::flush() {
  const auto deadline = Clock::now() + settings_timeout;
  while (is_open() && PQflush(connection_) == 1 && Clock::now() < deadline) {
    pollfd descriptor{socket(), POLLIN | POLLOUT, 0};
    if (::poll(&descriptor, 1, 100) < 0 || PQconsumeInput(connection_) != 1) return;
  }
}
#endif

void Connection::copy(const std::string& text, CopySource source) {
  FAILPOINT("before_copy", flush());
  if (PQpipelineStatus(connection_) != PQ_PIPELINE_OFF) sent_badly_ |= PQexitPipelineMode(connection_) != 1;
  sent_badly_ |= PQsendQuery(connection_, text.c_str()) != 1;
  source_ = std::move(source);
  copy_ended_ = false;
  expected_.push_back({Expected::Kind::copy});
  wants_write_ = PQflush(connection_) == 1;
}

// Hands libpq a chunk whenever the last one has left, so that neither side's memory holds the whole.
bool Connection::feed_copy() {
  while (copying_) {
    const int flushed = PQflush(connection_);
    if (flushed < 0) return true;
    wants_write_ = flushed == 1;
    if (wants_write_) return false;
    if (copy_ended_) {
      FAILPOINT("after_copy");
      copying_ = false;
      return true;
    }
    recycle(chunk_);
    const bool more = source_(chunk_);
    if (PQputCopyData(connection_, chunk_.data(), static_cast<int>(chunk_.size())) != 1) return true;
    if (!more) {
      if (PQputCopyEnd(connection_, nullptr) != 1) return true;
      copy_ended_ = true;
    }
  }
  return true;
}

void Connection::take(PGresult* result) {
  ResultHandle handle(result);
  const auto status = PQresultStatus(result);
  const auto expected = expected_.front();
  if (status == PGRES_COPY_IN) {
    copying_ = true;
  } else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
    if (expected.kind == Expected::Kind::prepare) return;
    reply_.tag = PQcmdStatus(result);
    reply_.counts.push_back(std::strtoll(PQcmdTuples(result), nullptr, 10));
    if (status == PGRES_TUPLES_OK) reply_.rows = std::move(handle);
    if (expected.kind == Expected::Kind::commit && reply_.tag != "COMMIT" && !error_)
      error_ = Error{ErrorClass::reclaim, "", "COMMIT was answered with " + reply_.tag};
  } else {
    if (expected.kind == Expected::Kind::prepare) expected.statement->ready = false;
    if (error_ || status == PGRES_PIPELINE_ABORTED) return;
    error_ = server_error(result, PQerrorMessage(connection_), PQuser(connection_));
  }
}

Result<Reply> Connection::conclude() {
  source_ = nullptr;
  wants_write_ = false;
  if (PQpipelineStatus(connection_) != PQ_PIPELINE_OFF) {
    while (ResultHandle rest{PQgetResult(connection_)}) {
    }
    if (PQexitPipelineMode(connection_) != 1) return lose(one_line(PQerrorMessage(connection_)));
  }
  if (!error_) return std::exchange(reply_, {});
  auto error = std::move(*error_);
  error_.reset();
  reply_ = {};
  // A FATAL error, or one that says the session is gone: nothing more can be asked of this connection.
  if (PQstatus(connection_) != CONNECTION_OK || error.next == ErrorClass::reclaim) {
    error.next = ErrorClass::reclaim;
    close();
  }
  return std::unexpected(std::move(error));
}

std::optional<Error> Connection::lost_while_idle() {
  if (!is_open() || !expected_.empty()) return std::nullopt;
  // The server's reason and the end of the connection may come apart.
  for (int i = 0; i < 3; ++i) {
    pollfd descriptor{socket(), POLLIN, 0};
    if (::poll(&descriptor, 1, 0) != 1) return std::nullopt;
    const bool consumed = PQconsumeInput(connection_) == 1;
    if (consumed && PQisBusy(connection_) == 0 && PQstatus(connection_) == CONNECTION_OK) continue;
    const auto why = notice_.empty() ? one_line(PQerrorMessage(connection_)) : notice_;
    return lose(why).error();
  }
  return std::nullopt;
}

std::optional<Result<Reply>> Connection::poll() {
  if (!is_open()) return fail(ErrorClass::reclaim, "not connected");
  const auto lost = [this] {
    auto why = error_ ? std::move(error_->message) : one_line(PQerrorMessage(connection_));
    return lose(why);
  };
  if (sent_badly_) return lost();
  const int flushed = PQflush(connection_);
  if (flushed < 0 || PQconsumeInput(connection_) != 1) {
    // The buffer may hold the server's last message before it closed the connection.
    if (ResultHandle last{PQgetResult(connection_)}; last && PQresultErrorMessage(last.get())[0] != '\0')
      return lose(one_line(PQresultErrorMessage(last.get())));
    return lost();
  }
  wants_write_ = flushed == 1;
  while (!expected_.empty()) {
    if (copying_ && !feed_copy()) return std::nullopt;
    if (copying_) return lost();  // libpq refused the data
    if (PQisBusy(connection_) == 1) return std::nullopt;
    PGresult* result = PQgetResult(connection_);
    if (result == nullptr) {  // the end of one statement's results
      if (expected_.front().kind == Expected::Kind::sync) return lost();
      expected_.pop_front();
    } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
      PQclear(result);
      expected_.clear();
    } else {
      take(result);
    }
    if (PQstatus(connection_) != CONNECTION_OK) return lost();
  }
  return conclude();
}

Result<Reply> Connection::wait(Clock::time_point deadline) {
  const auto& interrupted = interruption();
  deadline = interrupted.earlier(deadline);
  bool asked = false;  // the server, to cancel
  for (;;) {
    if (auto done = poll()) return std::move(*done);
    if (interrupted.requested() && !std::exchange(asked, true)) {
      cancel_statement(cancel_handle(connection_));
      deadline = std::min(deadline, Clock::now() + cancel_timeout);
    }
    if (interrupted.stop.stop_possible() && Clock::now() < deadline) {
      wait_for_socket(interrupt_interval);
      continue;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return lose("PostgreSQL did not answer in time");
    if (!wait_for_socket(std::chrono::milliseconds(left))) return lose("poll failed");
  }
}

bool Connection::wait_for_socket(std::chrono::milliseconds at_most) const {
  const short wanted = wants_write_ ? POLLIN | POLLOUT : POLLIN;
  pollfd descriptor{socket(), wanted, 0};
  return ::poll(&descriptor, 1, static_cast<int>(at_most.count())) >= 0 || errno == EINTR;
}

Result<Reply> Connection::run(const char* text, Clock::time_point deadline) {
  if (PQsendQuery(connection_, text) != 1) return lose(one_line(PQerrorMessage(connection_)));
  expected_.push_back({Expected::Kind::execute});
  return wait(deadline);
}

}  // namespace sluice::sink
