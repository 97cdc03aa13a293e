#include "listener/registry/schema_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/http_url.h"
#include "base/log.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view who = "registry";
constexpr milliseconds backoff_min{100}, backoff_max{5000};
constexpr seconds refusal_holds{10};  // the registry is asked again after this about a schema that it did not know
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
    : settings_(settings), name_(name_of(settings)), store_(std::move(store)), client_(settings, stop_) {}

SchemaRegistry::~SchemaRegistry() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  asked_.notify_all();
  answered_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// Under the lock. What is known can be asked for again, so it makes room.
bool SchemaRegistry::make_room(std::size_t bytes) {
  if (known_.size() >= most_schemas || bytes_ + bytes > most_bytes) {
    known_.clear();
    bytes_ = 0;
  }
  if (refused_.size() >= most_schemas) refused_.clear();
  return questions_.size() < most_schemas;
}

// Under the lock.
SchemaSource::Found SchemaRegistry::answer_to(const SchemaName& schema, Clock::time_point now) const {
  if (const auto known = known_.find(schema); known != known_.end()) return known->second;
  if (const auto refused = refused_.find(schema); refused != refused_.end() && now < refused->second.until)
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

SchemaSource::Found SchemaRegistry::find(const SchemaName& schema, milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto now = Clock::now();
  auto answer = answer_to(schema, now);
  if (answer || answer.error().next == ErrorClass::reject) return answer;
  if (!make_room(0) && !questions_.contains(schema))
    return fail(ErrorClass::retry, "too many schemas are being asked for");
  const auto [question, is_new] = questions_.try_emplace(schema);
  question->second.wanted = now;
  if (is_new) question->second.asked = now;
  const auto until = question->second.asked + patience;
  if (!thread_.joinable() && !stop_) thread_ = std::thread(&SchemaRegistry::run, this);
  if (is_new) asked_.notify_all();
  const auto waits = [&] {
    const auto found = questions_.find(schema);
    return !stop_ && found != questions_.end() && found->second.trouble.empty();
  };
  while (waits() && answered_.wait_until(lock, until) != std::cv_status::timeout) {
  }
  return answer_to(schema, Clock::now());
}

void SchemaRegistry::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const auto now = Clock::now();
    std::erase_if(questions_, [&](const auto& one) { return now - one.second.wanted > forgotten_after; });
    if (!questions_.empty() && now >= hold_until_) {
      auto next = questions_.upper_bound(last_asked_);
      if (next == questions_.end()) next = questions_.begin();
      last_asked_ = next->first;
      const SchemaName schema = last_asked_;
      ask(schema, lock);
      continue;
    }
    if (!unsaved_.empty() && now >= save_after_) {
      lock.unlock();
      save_new();
      lock.lock();
      continue;
    }
    auto until = now + forgotten_after;
    if (!questions_.empty()) until = std::min(until, hold_until_);
    if (!unsaved_.empty()) until = std::min(until, save_after_);
    asked_.wait_until(lock, until);
  }
}

// Called and left with the lock, which is not held while the registry is asked.
void SchemaRegistry::ask(const SchemaName& schema, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  auto fetched = client_.fetch(schema);
  const bool answered = fetched || fetched.error().next == ErrorClass::reject;
  if (!stop_) note(answered ? std::string() : fetched.error().message);
  Known found;
  if (fetched) {
    found = std::make_shared<const RegisteredSchema>(std::move(*fetched));
    if (store_) unsaved_[schema] = found;
  } else {
    found = kept(schema);
  }
  lock.lock();
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
    refused_[schema] = {fetched.error().message, Clock::now() + refusal_holds};
    questions_.erase(schema);
  } else {
    // The others would hear the same.
    for (auto& [name, question] : questions_) {
      if (question.trouble.empty() || name == schema) question.trouble = fetched.error().message;
    }
  }
  answered_.notify_all();
}

// Under the lock.
void SchemaRegistry::keep(const SchemaName& schema, Known found) {
  const std::size_t bytes = size_of(*found);
  make_room(bytes);
  bytes_ += bytes;
  known_[schema] = std::move(found);
  questions_.erase(schema);
}

// The copy of an earlier answer. PostgreSQL's trouble is not worth telling: the lanes tell it.
SchemaRegistry::Known SchemaRegistry::kept(const SchemaName& schema) {
  if (!store_) return nullptr;
  auto loaded = store_->load(name_, schema.text());
  if (!loaded || !*loaded) return nullptr;
  log::info(who, "schema {} is taken from its copy in sluice.schema", schema.text());
  return std::make_shared<const RegisteredSchema>(std::move(**loaded));
}

void SchemaRegistry::save_new() {
  while (!unsaved_.empty() && !stop_) {
    const auto first = unsaved_.begin();
    if (const auto done = store_->save(name_, first->first.text(), *first->second); !done) {
      log::warning(who, "schema {} is not kept in sluice.schema yet: {}", first->first.text(), done.error().message);
      break;
    }
    unsaved_.erase(first);
  }
  save_after_ = unsaved_.empty() ? Clock::time_point{} : Clock::now() + save_again_after;
  if (unsaved_.size() > most_schemas) unsaved_.clear();
}

// One line when the trouble changes, and one when it is over.
void SchemaRegistry::note(const std::string& trouble) {
  if (trouble == told_) return;
  if (trouble.empty()) {
    log::info(who, "the schema registry answers again");
  } else {
    log::warning(who, "trying again: {}", trouble);
  }
  told_ = trouble;
}

}  // namespace sluice::listener
