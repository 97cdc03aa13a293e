// Plans: what a dangerous command would do, found out and kept until somebody applies it.
//
// A plan belongs to the key that made it, is valid for five minutes, and is taken out by whoever applies it, so that of
// two who try one succeeds. Plans are owned by the interpreter and kept in memory: after a restart there are none. Any
// thread; never waits. Both a key and all keys together have a limited number of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/report/report.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "console/exit_code.h"
#include "console/login.h"

namespace sluice::console {

class Call;

struct Plan {
  std::string id = {};                    // p-7f3a
  std::string command = {}, target = {};  // "skip", "shop.orders/3"
  Caller by = {};
  Role role = Role::operator_;  // that applying it needs
  bool four_eyes = false;       // another key has to apply it
  WallClock::time_point made = {}, expires = {};
  std::vector<std::string> steps = {};  // what it will do, in sentences; may quote a record
  std::string demands = {}, why = {};   // an option that applying it needs, and why; empty: none
  std::function<int(Call&)> carry_out = {};
  // Takes back what the command had done for its plan, and returns what is left of it, a sentence or nothing. May be
  // empty.
  std::function<std::string()> dropped = {};
};

class Plans {
 public:
  static constexpr std::chrono::minutes valid_for{5};
  static constexpr std::size_t of_a_key = 20, of_all = 200;

  // A number that no other plan has, for what is done before the plan is kept.
  std::string new_id();
  // Keeps the plan, or says why not. Those that are too old make room.
  std::expected<void, std::string> add(Plan plan, WallClock::time_point now);
  // Those that the login may see, the oldest first, also the ones that have expired.
  std::vector<Plan> of(const Login& login) const;
  // The code and text of why not.
  struct Refusal {
    Code code;
    std::string text;
  };
  std::expected<Plan, Refusal> find(const std::string& id, const Login& login) const;
  // Takes it out, so that nobody else can. To apply it, which one that has expired refuses, or only to drop it.
  std::expected<Plan, Refusal> take_to_apply(const std::string& id, const Login& login, WallClock::time_point now);
  std::expected<Plan, Refusal> take_to_drop(const std::string& id, const Login& login);
  // The session's next line may be the target's name, which applies the plan.
  void offer(std::int64_t session, const std::string& id, const std::string& target);
  // The number of the plan that the line names so; the offer is over, whatever the line is.
  std::optional<std::string> take_offer(std::int64_t session, std::string_view line);

 private:
  void make_room(WallClock::time_point now) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::vector<Plan> plans_ GUARDED_BY(mutex_);  // in the order of `made`
  std::uint32_t given_out_ GUARDED_BY(mutex_) = 0;
  struct Offer {
    std::string id, target;
  };
  std::map<std::int64_t, Offer> offers_ GUARDED_BY(mutex_);  // by session
};

}  // namespace sluice::console
