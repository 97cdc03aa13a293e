#include "listener/registry/schema_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/http_url.h"
#include "base/interrupt.h"
#include "base/log.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds backoff_min{100}, backoff_max{5000};
// The registry is asked again after this about a schema that it did not know, by a lane and by a command.
constexpr milliseconds refusal_holds{10'000}, refusal_holds_for_patient{100};
constexpr milliseconds of_a_command{1000};  // its patience, at least
constexpr seconds forgotten_after{60};
constexpr seconds save_again_after{5};
constexpr std::size_t most_schemas = 10'000;
constexpr std::size_t most_bytes = 256u << 20;

std::size_t size_of(const RegisteredSchema& schema) {
  std::size_t bytes = schema.body.size();
  for (const auto& reference : schema.references) bytes += reference.name.size() + reference.body.size();
  return bytes;
}

// The first URL names the registry, whichever of its instances answers.
std::string name_of(const config::Registry& settings) {
  const auto urls = split_urls(settings.url.reveal());
  return urls.empty() ? std::string() : without_user(urls.front());
}

}  // namespace

SchemaRegistry::SchemaRegistry(const config::Registry& settings, std::unique_ptr<SchemaStore> store)
    : settings_(settings), name_(name_of(settings)), store_(std::move(store)), client_(settings, stop_.get_token()) {}

SchemaRegistry::~SchemaRegistry() {
  {
    const MutexLock lock(mutex_);
    stop_.request_stop();
  }
  asked_.notify_all();
  answered_.notify_all();
  thread_.join();
}

// What is known can be asked for again, so it makes room.
bool SchemaRegistry::make_room(std::size_t bytes) {
  if (known_.size() >= most_schemas || bytes_ + bytes > most_bytes) {
    known_.clear();
    bytes_ = 0;
  }
  if (refused_.size() >= most_schemas) refused_.clear();
  return questions_.size() < most_schemas;
}

SchemaSource::Found SchemaRegistry::answer_to(const SchemaName& schema, Clock::time_point now,
                                              milliseconds patience) const {
  if (const auto known = known_.find(schema); known != known_.end()) return known->second;
  const auto holds = patience < of_a_command ? refusal_holds : refusal_holds_for_patient;
  if (const auto refused = refused_.find(schema); refused != refused_.end() && now - refused->second.since < holds)
    return fail(ErrorClass::reject, refused->second.reason);
  const auto question = questions_.find(schema);
  const std::string trouble = question == questions_.end() ? std::string() : question->second.trouble;
  if (trouble.empty())
    return fail(ErrorClass::retry,
                fmt::format("the schema registry has not answered yet about schema {}", schema.text()));
  const bool for_long = now - question->second.asked >= settings_.timeout;
  return fail(for_long ? ErrorClass::stop_partition : ErrorClass::retry,
              fmt::format("schema {} cannot be had: {}", schema.text(), trouble));
}

// An error that ended it has been logged; the next question starts it again.
Result<void> SchemaRegistry::start() {
  if (running_ || stop_.stop_requested()) return {};
  auto started = Thread::start("schema registry", [this] { run(); }, Thread::usual_stack, [this] { has_ended(); });
  if (!started) return std::unexpected(std::move(started.error()));
  thread_ = std::move(*started);
  running_ = true;
  return {};
}

void SchemaRegistry::has_ended() {
  const MutexLock lock(mutex_);
  running_ = false;
  hold_until_ = Clock::now() + backoff_max;
}

SchemaSource::Found SchemaRegistry::find(const SchemaName& schema, milliseconds patience) {
  MutexLock lock(mutex_);
  const auto now = Clock::now();
  auto answer = answer_to(schema, now, patience);
  if (answer || answer.error().next == ErrorClass::reject) return answer;
  if (!make_room(0) && !questions_.contains(schema))
    return fail(ErrorClass::retry, "too many schemas are being asked for");
  const auto [question, is_new] = questions_.try_emplace(schema);
  question->second.wanted = now;
  if (is_new) question->second.asked = now;
  const auto until = interruption().earlier(question->second.asked + patience);
  if (auto done = start(); !done) return std::unexpected(std::move(done.error()));
  if (is_new) asked_.notify_all();
  const auto is_over = [&]() REQUIRES(mutex_) {
    const auto found = questions_.find(schema);
    return stop_.stop_requested() || found == questions_.end() || found->second.failed;
  };
  if (!answered_.wait_until(lock, interruption().stop, until, is_over) && interruption().requested())
    return fail(ErrorClass::retry, std::string(cancelled));
  return answer_to(schema, Clock::now(), milliseconds(0));  // what has come while it waited is not too old
}

void SchemaRegistry::run() {
  const InterruptScope scope(stop_.get_token());
  while (!stop_.stop_requested()) {
    if (const auto schema = next_question()) {
      ask(*schema);
    } else if (!unsaved_.empty() && Clock::now() >= save_after_) {
      save_next();
    } else {
      wait();
    }
  }
}

// The question whose turn it is, if the registry may be asked now.
std::optional<SchemaName> SchemaRegistry::next_question() {
  const MutexLock lock(mutex_);
  const auto now = Clock::now();
  std::erase_if(questions_, [&](const auto& one) { return now - one.second.wanted > forgotten_after; });
  if (questions_.empty()) return std::nullopt;
  auto next = questions_.upper_bound(last_asked_);
  if (now < hold_until_)
    next = std::ranges::find_if(questions_, [](const auto& one) { return !one.second.tried; });
  else if (next == questions_.end())
    next = questions_.begin();
  if (next == questions_.end()) return std::nullopt;
  next->second.tried = true;
  last_asked_ = next->first;
  return last_asked_;
}

void SchemaRegistry::wait() {
  MutexLock lock(mutex_);
  const auto now = Clock::now();
  auto until = now + forgotten_after;
  if (!questions_.empty()) until = std::min(until, hold_until_);
  if (!unsaved_.empty()) until = std::min(until, save_after_);
  if (until > now && !stop_.stop_requested()) asked_.wait_until(lock, until);
}

void SchemaRegistry::ask(const SchemaName& schema) {
  auto fetched = client_.fetch(schema);
  if (stop_.stop_requested()) return;
  const bool answered = fetched || fetched.error().next == ErrorClass::reject;
  note(answered ? std::string() : fetched.error().message);
  Known found;
  if (fetched) {
    found = std::make_shared<const RegisteredSchema>(std::move(*fetched));
    save_later(schema, found);
  } else if (!answered) {
    found = stored(schema);
  }
  const MutexLock lock(mutex_);
  if (answered) {
    backoff_ = milliseconds(0);
    hold_until_ = {};
  } else {
    backoff_ = std::clamp(backoff_ * 2, backoff_min, backoff_max);
    hold_until_ = Clock::now() + backoff_;
  }
  if (found) {
    keep(schema, std::move(found));
  } else if (answered) {
    refused_[schema] = {fetched.error().message, Clock::now()};
    questions_.erase(schema);
  } else {
    // The others would hear the same.
    for (auto& [name, question] : questions_) {
      if (question.trouble.empty() || name == schema) question.trouble = fetched.error().message;
      question.failed = question.failed || name == schema;
    }
  }
  answered_.notify_all();
}

void SchemaRegistry::keep(const SchemaName& schema, Known found) {
  const std::size_t bytes = size_of(*found);
  make_room(bytes);
  bytes_ += bytes;
  known_[schema] = std::move(found);
  questions_.erase(schema);
}

// The copy of an earlier answer. PostgreSQL's trouble is not worth telling: the lanes tell it.
SchemaRegistry::Known SchemaRegistry::stored(const SchemaName& schema) {
  if (!store_) return nullptr;
  auto loaded = store_->load(name_, schema.text());
  if (!loaded || !*loaded) return nullptr;
  log::info("registry", "schema {} is taken from its copy in sluice.schema", schema.text());
  return std::make_shared<const RegisteredSchema>(std::move(**loaded));
}

void SchemaRegistry::save_later(const SchemaName& schema, Known found) {
  if (!store_) return;
  const std::size_t bytes = size_of(*found);
  if (unsaved_.size() >= most_schemas || unsaved_bytes_ + bytes > most_bytes) {
    log::warning("registry", "{} schemas are not kept in sluice.schema: too many wait for it", unsaved_.size());
    unsaved_.clear();
    unsaved_bytes_ = 0;
  }
  auto& place = unsaved_[schema];
  if (place) unsaved_bytes_ -= size_of(*place);
  unsaved_bytes_ += bytes;
  place = std::move(found);
}

// One for each turn, as questions go first. What PostgreSQL refuses for its contents it refuses for ever; whatever else
// is wrong, the others are tried before the same one again.
void SchemaRegistry::save_next() {
  auto next = unsaved_.upper_bound(last_saved_);
  if (next == unsaved_.end()) next = unsaved_.begin();
  last_saved_ = next->first;
  const auto done = store_->save(name_, next->first.text(), *next->second);
  if (stop_.stop_requested()) return;
  const bool refused = !done && done.error().next == ErrorClass::reject;
  if (refused) {
    log::warning("registry", "schema {} is not kept in sluice.schema: {}", next->first.text(), done.error().message);
  } else if (!done) {
    save_after_ = Clock::now() + save_again_after;
    if (std::exchange(save_trouble_, done.error().message) != done.error().message)
      log::warning("registry", "schemas are not kept in sluice.schema yet: {}", done.error().message);
    return;
  } else {
    save_trouble_.clear();
  }
  unsaved_bytes_ -= size_of(*next->second);
  unsaved_.erase(next);
}

// One line when the trouble changes, and one when it is over.
void SchemaRegistry::note(const std::string& trouble) {
  if (trouble == told_) return;
  if (trouble.empty()) {
    log::info("registry", "the schema registry answers again");
  } else {
    log::warning("registry", "trying again: {}", trouble);
  }
  told_ = trouble;
}

SchemaRegistry::Kept SchemaRegistry::kept() const {
  const MutexLock lock(mutex_);
  return {known_.size(), bytes_, most_bytes};
}

}  // namespace sluice::listener
