#include "console/plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/time_text.h"

namespace sluice::console {
namespace {

constexpr std::chrono::hours remembered_for{1};  // to tell that it has expired, while nobody needs the room

bool of_key(const Plan& plan, const Login& login) {
  return plan.by.fingerprint == login.caller.fingerprint && plan.by.name == login.caller.name;
}

bool may_see(const Plan& plan, const Login& login) {
  return of_key(plan, login) || role_of(login.caller.role) == Role::admin;
}

// The place of a plan that the login may apply.
std::expected<std::size_t, Plans::Refusal> place_of(const std::vector<Plan>& plans, const std::string& id,
                                                    const Login& login) {
  const auto found = std::ranges::find(plans, id, &Plan::id);
  if (found == plans.end())
    return std::unexpected(
        Plans::Refusal{Code::no_such_thing, fmt::format("no such plan '{}': it was applied or dropped, or the service "
                                                        "has restarted; 'plan list' shows those that there are",
                                                        id)});
  if (!may_see(*found, login))
    return std::unexpected(Plans::Refusal{
        Code::not_allowed, fmt::format("plan {} is {}'s; an admin may apply it, too", found->id, found->by.name)});
  if (role_of(login.caller.role) < found->role)
    return std::unexpected(Plans::Refusal{Code::not_allowed, needs_role(found->command, found->role, login.caller)});
  return static_cast<std::size_t>(found - plans.begin());
}

}  // namespace

std::string Plans::new_id() {
  const MutexLock lock(mutex_);
  if (given_out_ == 0) given_out_ = std::random_device()();
  // A step that has no factor in common with 65536 comes to every number once, and there are far fewer plans.
  std::string id;
  do {
    id = fmt::format("p-{:04x}", (given_out_ += 40'503) & 0xffff);
  } while (std::ranges::find(plans_, id, &Plan::id) != plans_.end());
  return id;
}

void Plans::make_room(WallClock::time_point now) {
  std::erase_if(plans_, [&](const Plan& one) { return one.expires + remembered_for <= now; });
  if (plans_.size() < of_all) return;
  std::erase_if(plans_, [&](const Plan& one) { return one.expires <= now; });
}

std::expected<void, std::string> Plans::add(Plan plan, WallClock::time_point now) {
  const MutexLock lock(mutex_);
  make_room(now);
  const auto own = std::ranges::count_if(plans_, [&](const Plan& one) {
    return one.by.fingerprint == plan.by.fingerprint && one.by.name == plan.by.name && one.expires > now;
  });
  if (std::cmp_greater_equal(own, of_a_key))
    return std::unexpected(fmt::format("you have {} plans already; apply or drop one, 'plan list' shows them", own));
  if (plans_.size() >= of_all)
    return std::unexpected(fmt::format("there are {} plans already; try again in a few minutes", plans_.size()));
  plans_.push_back(std::move(plan));
  return {};
}

std::vector<Plan> Plans::of(const Login& login) const {
  const MutexLock lock(mutex_);
  std::vector<Plan> seen;
  std::ranges::copy_if(plans_, std::back_inserter(seen), [&](const Plan& one) { return may_see(one, login); });
  return seen;
}

std::expected<Plan, Plans::Refusal> Plans::find(const std::string& id, const Login& login) const {
  const MutexLock lock(mutex_);
  const auto place = place_of(plans_, id, login);
  if (!place) return std::unexpected(place.error());
  return plans_[*place];
}

std::expected<Plan, Plans::Refusal> Plans::take_to_apply(const std::string& id, const Login& login,
                                                         WallClock::time_point now) {
  const MutexLock lock(mutex_);
  const auto place = place_of(plans_, id, login);
  if (!place) return std::unexpected(place.error());
  if (const auto& found = plans_[*place]; found.expires <= now)
    return std::unexpected(
        Refusal{Code::confirmation_missing, fmt::format("plan {} has expired at {}; plan again: {} {}", found.id,
                                                        time_text(found.expires), found.command, found.target)});
  if (plans_[*place].four_eyes && of_key(plans_[*place], login))
    return std::unexpected(Refusal{
        Code::not_allowed,
        fmt::format("plan {} is your own, and your key has the option four-eyes: another admin applies it", id)});
  Plan taken = std::move(plans_[*place]);
  plans_.erase(plans_.begin() + static_cast<std::ptrdiff_t>(*place));
  return taken;
}

void Plans::offer(std::int64_t session, const std::string& id, const std::string& target) {
  const MutexLock lock(mutex_);
  // Of sessions that ended before their next line; they cost a convenience.
  if (offers_.size() >= of_all) offers_.clear();
  offers_[session] = {id, target};
}

std::optional<std::string> Plans::take_offer(std::int64_t session, std::string_view line) {
  const MutexLock lock(mutex_);
  const auto found = offers_.find(session);
  if (found == offers_.end()) return std::nullopt;
  const Offer offer = std::move(found->second);
  offers_.erase(found);
  return line == offer.target ? std::optional(offer.id) : std::nullopt;
}

std::expected<Plan, Plans::Refusal> Plans::take_to_drop(const std::string& id, const Login& login) {
  const MutexLock lock(mutex_);
  const auto place = place_of(plans_, id, login);
  if (!place) return std::unexpected(place.error());
  Plan taken = std::move(plans_[*place]);
  plans_.erase(plans_.begin() + static_cast<std::ptrdiff_t>(*place));
  return taken;
}

}  // namespace sluice::console
