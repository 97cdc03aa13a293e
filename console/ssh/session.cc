#include "console/ssh/session.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/printable.h"
#include "console/guarded.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto purpose_within = 30s;
constexpr auto idle_limit = 15min;
constexpr auto absolute_limit = 24h;
constexpr auto keepalive_every = 30s;
constexpr std::size_t most_channels = 4;
constexpr int most_errors = 50;  // of polling, in a row: a connection that fails without being closed
constexpr int most_noted_refusals = 8;
constexpr auto end_within = 300ms;

// Names a message that the library left over for the audit trail; empty: nothing that anybody asked for.
std::string_view refused_feature(ssh_message message) {
  const int subtype = ssh_message_subtype(message);
  switch (ssh_message_type(message)) {
    case SSH_REQUEST_CHANNEL_OPEN:
      return subtype == SSH_CHANNEL_SESSION ? "channel" : "forwarding";
    case SSH_REQUEST_GLOBAL:
      return subtype == SSH_GLOBAL_REQUEST_TCPIP_FORWARD ? "remote forwarding" : "";
    case SSH_REQUEST_CHANNEL:
      return subtype == SSH_CHANNEL_REQUEST_X11 ? "X11 forwarding" : "";
    default:
      return "";
  }
}

// What the library has ended a session for; nothing if its client has.
std::string violation(std::string_view problem) {
  const bool left =
      problem.empty() || problem.starts_with("Socket error") || problem.starts_with("Received SSH_MSG_DISC");
  return left ? std::string() : ": " + printable(problem, 120);
}

// A channel for a client that is about to read why it has to leave: refused, it would leave at once, before the reason.
// It accepts what the client asks for and does nothing.
ssh_channel waiting_room(ssh_session ssh) {
  static ssh_channel_callbacks_struct polite = [] {
    ssh_channel_callbacks_struct made{};
    made.channel_pty_request_function = [](auto...) { return 0; };
    made.channel_shell_request_function = [](auto...) { return 0; };
    made.channel_exec_request_function = [](auto...) { return 0; };
    made.channel_env_request_function = [](auto...) { return 0; };
    ssh_callbacks_init(&made);
    return made;
  }();
  const auto channel = ssh_channel_new(ssh);
  if (channel != nullptr) ssh_set_channel_callbacks(channel, &polite);
  return channel;
}

}  // namespace

Session::Session(ServerContext& context, std::int64_t id, const Address& peer, SessionHandle handle)
    : context_(context), id_(id), peer_(peer), ssh_(handle.get()), view_(id) {
  static_cast<void>(handle.release());  // last: what throws before leaves it to its owner
}

Session::~Session() {
  if (!over_) ssh_free(ssh_);  // no thread could be made for it
}

void Session::run() {
  sigset_t signals;
  sigfillset(&signals);  // they are the main thread's; a broken pipe is an error code here
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const log::SessionScope log_lines(id_);
  try {
    if (begin()) loop();
    close_channels();
  } catch (const std::exception& problem) {  // no memory, mostly; the others go on
    log::error("console", "session {} of {} ended by an error that nobody expected: {}", id_, peer_.text(),
               problem.what());
  }
  disconnect();
  over_ = true;
}

bool Session::begin() {
  callbacks_.userdata = this;
  callbacks_.auth_pubkey_function = on_pubkey;
  callbacks_.channel_open_request_session_function = on_channel;
  ssh_callbacks_init(&callbacks_);
  ssh_set_server_callbacks(ssh_, &callbacks_);
  steps_.userdata = this;
  steps_.connect_status_function = on_step;
  ssh_callbacks_init(&steps_);
  ssh_set_callbacks(ssh_, &steps_);
  ssh_set_counters(ssh_, nullptr, &received_);
  ssh_set_auth_methods(ssh_, SSH_AUTH_METHOD_PUBLICKEY);
  // Sees what the callbacks leave over, without which tries by other methods could not be counted.
  ssh_set_message_callback(ssh_, on_message, this);
  // Once, and before the event: only this gives the session its poll context.
  if (ssh_handle_key_exchange(ssh_) == SSH_ERROR) return false;
  event_ = ssh_event_new();
  return event_ != nullptr && ssh_event_add_session(event_, ssh_) == SSH_OK &&
         ssh_event_add_fd(event_, wake_.fd(), POLLIN, on_wake, this) == SSH_OK;
}

void Session::loop() {
  while (turn()) {
  }
}

bool Session::turn() {
  bool more = false;
  serve_channels(Clock::now(), more);
  const bool soon = std::ranges::any_of(channels_, &Channel::waits_for_quiet);
  note_messages();
  const int polled = ssh_event_dopoll(event_, more ? 0 : soon ? 50 : inside_ ? 1000 : 250);
  const auto now = Clock::now();
  errors_ = polled == SSH_ERROR ? errors_ + 1 : 0;
  view_.turned();
  if ((ssh_get_status(ssh_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0 || errors_ >= most_errors) return false;
  if (broken_) {
    end("the server has no memory for this session");
    return false;
  }
  if (accepted_ && !inside_) enter();
  if (inside_) {
    check_session(now);
  } else {
    check_unauthenticated(now);
  }
  return !end_.requested();
}

void Session::serve_channels(Clock::time_point now, bool& more) {
  if (!inside_) return;
  std::size_t queued = 0;
  for (auto channel = channels_.begin(); channel != channels_.end();) {
    if (channel->service(now)) more = true;
    if (const auto reason = channel->end_reason(now)) end(*reason, Code::reader_gone);
    queued += channel->queued();
    channel = channel->over() ? channels_.erase(channel) : std::next(channel);
  }
  view_.queued(queued);
}

void Session::check_session(Clock::time_point now) {
  const bool busy = std::any_of(channels_.begin(), channels_.end(), [](const Channel& c) { return c.busy(); });
  had_purpose_ = had_purpose_ || std::ranges::any_of(channels_, &Channel::has_purpose);
  if (!had_purpose_ && now - logged_in_ > purpose_within) end("no command and no shell within 30 s");
  if (!busy && view_.idle() > idle_limit) end("idle for 15 min");
  if (now - logged_in_ > absolute_limit) end("a session lasts 24 h at most; log in again");
  if (now - last_keepalive_ >= keepalive_every) {
    last_keepalive_ = now;
    ssh_send_keepalive(ssh_);
  }
}

ssh_channel Session::on_channel(ssh_session, void* self) noexcept {
  auto& session = *static_cast<Session*>(self);
  return guarded(session.broken_, [&] { return session.open_channel(); }, nullptr);
}

ssh_channel Session::open_channel() {
  if (!accepted_) return nullptr;
  if (leaving_) return waiting_++ < most_channels ? waiting_room(ssh_) : nullptr;
  if (channels_.size() >= most_channels) {
    refuse("channel", "beyond the fourth");
    return nullptr;
  }
  note_messages();
  view_.typed();
  ChannelContext context;
  context.interpreter = &context_.interpreter;
  context.login = &view_.login();
  context.pty_allowed = view_.identity().pty;
  context.prompt = context_.prompt;
  context.wake = [this] { wake_.notify(); };
  context.keystroke = [this] { view_.typed(); };
  context.refused = [this](std::string_view what, std::string_view name) { refuse(what, name); };
  context.running = [this](const std::string& command) { view_.running(command); };
  context.message_size = [this] { return message_size(); };
  return channels_.emplace_back(ssh_, context).handle();
}

// 1 leaves the answer to the library: it accepts the service and refuses everything else.
int Session::on_message(ssh_session, ssh_message message, void* self) noexcept {
  auto& session = *static_cast<Session*>(self);
  return guarded(
      session.broken_,
      [&] {
        session.look_at(message);
        return 1;
      },
      1);
}

void Session::look_at(ssh_message message) {
  note_messages();
  if (ssh_message_type(message) == SSH_REQUEST_AUTH) {
    const bool first_none =
        ssh_message_subtype(message) == SSH_AUTH_METHOD_NONE && !std::exchange(attempts_.asked_for_methods, true);
    if (!first_none) deny(ssh_message_auth_user(message), "none", "by another method than public key");
  } else if (const auto feature = refused_feature(message); !feature.empty()) {
    refuse(feature, "");
  }
}

// The size of the message that is being handled, if it is the only one since the last that was seen.
std::optional<std::size_t> Session::message_size() {
  const auto before = std::exchange(noted_, received_);
  if (received_.in_packets != before.in_packets + 1) return std::nullopt;
  return received_.in_bytes - before.in_bytes;
}

int Session::on_wake(socket_t, int, void* self) noexcept {
  static_cast<Session*>(self)->wake_.drain();
  return 0;
}

// The library's own measure of how far a key exchange is: 0.4 with the greeting, 0.5 with its own proposal, 0.6 with
// the client's, 0.8 with its key, 1 at the end.
void Session::on_step(void* self, float status) noexcept {
  auto& session = *static_cast<Session*>(self);
  const auto progress = status >= 0.9F ? Progress::exchanged : status >= 0.55F ? Progress::proposed : Progress::greeted;
  session.progress_ = std::max(session.progress_, progress);
  session.handshake_ = session.handshake_ || progress == Progress::exchanged;
  session.context_.admission.progress(session.id_, progress, Clock::now());
}

void Session::refuse(std::string_view what, std::string_view name) {
  if (!accepted_ || ++refusals_ > most_noted_refusals) return;
  const auto shown = client_text(std::string(name).c_str());
  log::warning("console", "session {}: refused {} {}{}", id_, view_.login().caller.name, what,
               shown.empty() ? "" : " " + shown);
  note(std::string(what), shown, "refused", "{}");
}

void Session::note(const std::string& command, const std::string& target, const std::string& outcome,
                   const std::string& detail) const {
  AuditRow row;
  row.at = WallClock::now();
  row.who = view_.login().caller;
  if (row.who.address.empty()) row.who.address = peer_.text();
  row.command = command;
  row.target = target;
  row.outcome = outcome;
  row.detail = detail;
  context_.audit.note(row);
}

void Session::end(const std::string& reason, int code) {
  if (end_.request(reason, code)) wake_.notify();
}

// The loop is over: by our will, with a reason, or because the client went away.
void Session::close_channels() {
  const auto [reason, code] = end_.reason();
  view_.hide();
  const bool connected = (ssh_get_status(ssh_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0;
  for (auto& channel : channels_) {
    if (connected && !reason.empty()) {
      channel.close(reason, code);
    } else {
      channel.stop_command();
    }
  }
  if (inside_ && !reason.empty()) {
    log::warning("console", "session {}: {} ended: {}", id_, view_.login().caller.name, reason);
    note("session end", std::to_string(id_), "done", nlohmann::json{{"reason", reason}, {"code", code}}.dump());
  } else if (inside_) {
    log::info("console", "session {}: {} left{}", id_, view_.login().caller.name, violation(ssh_get_error(ssh_)));
    note("logout", "", "done", nlohmann::json{{"session", id_}}.dump());
  } else if (!accepted_) {
    log_unauthenticated();
  }
  leaving_ = true;
  for (auto& channel : channels_) channel.release();  // ssh_disconnect would free what is left
  if (!connected || reason.empty()) return;
  // After a write the library sends nothing until its poll has seen the socket writable again, so the last message must
  // follow a turn in which nothing happened.
  const auto until = Clock::now() + end_within;
  for (int turns = 1; Clock::now() < until; ++turns) {
    const bool quiet = ssh_event_dopoll(event_, 10) == SSH_AGAIN;
    if (quiet && turns >= 3 && (ssh_get_status(ssh_) & SSH_WRITE_PENDING) == 0) break;
  }
  ssh_session_set_disconnect_message(ssh_, reason.c_str());
}

// First the network, so that a client sees its end at once; then the commands, which may take a while to stop.
void Session::disconnect() noexcept {
  close_network();
  context_.admission.leave(id_);
  channels_.clear();
  ssh_free(ssh_);
}

void Session::close_network() {
  const int fd = ssh_get_fd(ssh_) >= 0 ? dup(ssh_get_fd(ssh_)) : -1;
  if (event_ != nullptr) {
    ssh_event_remove_fd(event_, wake_.fd());
    ssh_event_remove_session(event_, ssh_);
    ssh_event_free(event_);
  }
  ssh_disconnect(ssh_);
  if (fd < 0) return;
  // Bytes that were never read would turn the end into a reset, and the client would not see the reason.
  shutdown(fd, SHUT_WR);
  const auto until = Clock::now() + (inside_ || accepted_ ? end_within : 0ms);
  char unread[4096];
  pollfd readable{fd, POLLIN, 0};
  while (Clock::now() < until && poll(&readable, 1, 50) >= 0) {
    if ((readable.revents & POLLIN) != 0 && recv(fd, unread, sizeof unread, MSG_DONTWAIT) == 0) break;
    if ((readable.revents & (POLLERR | POLLHUP)) != 0) break;
  }
  close(fd);
}

}  // namespace sluice::console
