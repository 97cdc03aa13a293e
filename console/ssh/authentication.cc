// A connection until it is a session: checks its keys, counts its tries, and ends it at its deadline.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/printable.h"
#include "console/ssh/session.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto proposal_within = 3s, login_within = 10s;

bool wanted_type(ssh_key key) {
  switch (ssh_key_type(key)) {
    case SSH_KEYTYPE_ED25519:
    case SSH_KEYTYPE_SK_ED25519:
    case SSH_KEYTYPE_ECDSA_P256:
    case SSH_KEYTYPE_ECDSA_P384:
    case SSH_KEYTYPE_ECDSA_P521:
    case SSH_KEYTYPE_SK_ECDSA:
    case SSH_KEYTYPE_RSA:
      return true;
    default:
      return false;  // certificates too: OpenSSH then offers the plain key
  }
}

}  // namespace

std::shared_ptr<const KeyRing> ServerContext::keys() const {
  const MutexLock lock(mutex_);
  return keys_;
}

void ServerContext::keys(std::shared_ptr<const KeyRing> next) {
  const MutexLock lock(mutex_);
  keys_ = std::move(next);
}

// Client text for a log line: escaped, and no longer than a name needs.
std::string Session::client_text(const char* text) {
  return escape(std::string_view(text == nullptr ? "" : text).substr(0, 32));
}

// A signature was right: admits the session if there is room.
void Session::enter() {
  const auto& caller = view_.login().caller;
  auto problem = context_.admission.log_in(id_, caller.fingerprint, caller.role == "admin",
                                           view_.identity().max_sessions, Clock::now());
  // Others see it from here on; the keys are asked after that, so that a reload in this moment finds it, or is found.
  if (!problem) {
    view_.show();
    const auto reason = revoked(*context_.keys(), view_.identity(), peer_, WallClock::now(), 0);
    if (!reason.empty()) problem = reason;
  }
  const auto client = client_text(ssh_get_clientbanner(ssh_));
  if (problem) {
    view_.hide();
    log::warning("console", "{} ({}) from {} logged in and was sent away: {}", caller.name, caller.role, peer_.text(),
                 *problem);
    note("login", "", "refused", nlohmann::json{{"reason", *problem}}.dump());
    return end(*problem, Code::failed);
  }
  inside_ = true;
  logged_in_ = last_keepalive_ = Clock::now();
  view_.typed();
  log::info("console", "session {}: {} ({}) logged in from {} with {}, client {}", id_, caller.name, caller.role,
            peer_.text(), caller.fingerprint, client);
  note("login", "", "done", nlohmann::json{{"session", id_}, {"client", client}}.dump());
}

void Session::check_unauthenticated(Clock::time_point now) {
  attempts_.halted = progress_ < Progress::proposed && now - arrived_ > proposal_within;
  attempts_.late = now - arrived_ > login_within;
  if (attempts_.exhausted() || attempts_.halted || attempts_.late) end({});
}

int Session::on_pubkey(ssh_session, const char* user, ssh_key key, char state, void* self) noexcept {
  auto& session = *static_cast<Session*>(self);
  try {
    return session.offer_key(user, key, state) ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
  } catch (...) {
    session.broken_ = true;
    return SSH_AUTH_DENIED;
  }
}

// Returns true if the key may log in, as far as it was proved.
bool Session::offer_key(const char* user, ssh_key key, char state) {
  if (accepted_ || attempts_.exhausted()) return false;
  const auto print = fingerprint(key);
  if (!wanted_type(key)) {
    deny(user, print, "its type is not accepted");
    return false;
  }
  const auto keys = context_.keys();
  const auto grant = keys->find(key, peer_, WallClock::now());
  const bool right_user = user != nullptr && context_.user == user;
  if (!grant || !right_user) {
    deny(user, print, grant ? "wrong user" : grant.error());
    return false;
  }
  context_.admission.progress(id_, Progress::listed, Clock::now());
  if (state == SSH_PUBLICKEY_STATE_NONE) return true;  // a question: nothing is granted yet
  if (state != SSH_PUBLICKEY_STATE_VALID) {
    deny(user, print, "wrong signature");
    return false;
  }
  view_.identify(**grant, peer_.text());
  accepted_ = true;
  return true;
}

void Session::deny(const char* user, const std::string& key, const std::string& why) {
  attempts_.refuse(client_text(user), key, why);
}

// One line for each connection that did not log in, as far as there is room in the log; always one for an address that
// has to wait from now on.
void Session::log_unauthenticated() const {
  const auto now = Clock::now();
  auto& admission = context_.admission;
  const bool exhausted = attempts_.exhausted();
  const bool too_often = handshake_ && !exhausted && !admission.count_handshake(peer_.group(), now);
  const auto penalty = exhausted || too_often ? admission.penalize(peer_.group(), now) : std::nullopt;
  if (exhausted || attempts_.late) {
    note("login", "", "refused",
         nlohmann::json{{"tries", attempts_.refused},
                        {"user", attempts_.user},
                        {"key", attempts_.key},
                        {"reason", attempts_.reason},
                        {"penalty_seconds", penalty.value_or(std::chrono::seconds(0)).count()}}
             .dump());
  }
  if (!admission.has_room_in_log(now) && !penalty) return;
  std::string text = fmt::format("no login from {}", peer_.text());
  if (attempts_.refused > 0) {
    text += fmt::format(" after {} tries: user '{}', key {}: {}", attempts_.refused, attempts_.user, attempts_.key,
                        attempts_.reason);
  } else {
    const std::string_view problem = ssh_get_error(ssh_);
    text += attempts_.late     ? ": nothing until the deadline"
            : attempts_.halted ? ": no key exchange within 3 s"
            : problem.empty()  ? ": left before it"
                               : ": left before it: " + printable(problem, 120);
  }
  if (penalty) {
    log::warning("console", "{}; {}its address is refused for {} s", text, too_often ? "key exchanges too often: " : "",
                 penalty->count());
  } else {
    log::info("console", "{}", text);
  }
}

}  // namespace sluice::console
