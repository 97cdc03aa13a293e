// The schemas of a registry: known for ever once they were asked for, and asked for by a thread of its own, so that no
// lane waits for HTTP.
//
// Owned by the service, or by one `sluice explain`; find() may be called by any thread, and ends early with its
// interruption. The thread starts with the first question and ends with the object, which interrupts what it waits for.
// While the registry cannot be asked, a copy in the SchemaStore takes its place, and the question is repeated with a
// back-off from 100 ms to 5 s for as long as somebody comes back for the answer; a new question goes at once, as the
// trouble may be of the others' schemas alone. What the registry did not know it is asked again: ten seconds later, or
// sooner for who is patient, such as an operator who has registered it and replays its dead letters. Bounded: schemas,
// and those that wait to be stored, by number and size, questions by number.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/schema.h"
#include "base/thread.h"
#include "config/pipeline.h"
#include "listener/registry/registry_client.h"

namespace sluice::listener {

class SchemaRegistry final : public SchemaSource {
 public:
  // `store` may be null: then nothing is kept.
  SchemaRegistry(const config::Registry& settings, std::unique_ptr<SchemaStore> store);
  ~SchemaRegistry() override;

  Found find(const SchemaName& schema, std::chrono::milliseconds patience) override;
  // What is kept in memory. Any thread.
  struct Kept {
    std::size_t number = 0, bytes = 0;
    std::size_t limit = 0;  // of the bytes
  };
  Kept kept() const;

 private:
  struct Question {
    Clock::time_point asked{};   // for the first time
    Clock::time_point wanted{};  // for the last time
    std::string trouble;         // why there is no answer yet, perhaps to another question
    bool tried = false;          // the registry was asked; until then no back-off holds it
    bool failed = false;         // and did not answer this one
  };
  struct Refusal {
    std::string reason;
    Clock::time_point since{};
  };
  using Known = std::shared_ptr<const RegisteredSchema>;

  Found answer_to(const SchemaName& schema, Clock::time_point now, std::chrono::milliseconds patience) const
      REQUIRES(mutex_);
  bool make_room(std::size_t bytes) REQUIRES(mutex_);
  void keep(const SchemaName& schema, Known found) REQUIRES(mutex_);
  Result<void> start() REQUIRES(mutex_);
  void has_ended() EXCLUDES(mutex_);
  // The thread's.
  void run() EXCLUDES(mutex_);
  std::optional<SchemaName> next_question() EXCLUDES(mutex_);
  void ask(const SchemaName& schema) EXCLUDES(mutex_);
  void wait() EXCLUDES(mutex_);
  Known stored(const SchemaName& schema);
  void save_later(const SchemaName& schema, Known found);
  void save_next();
  void note(const std::string& trouble);

  const config::Registry settings_;
  const std::string name_;  // in sluice.schema
  const std::unique_ptr<SchemaStore> store_;
  std::stop_source stop_;

  // The thread's only.
  RegistryClient client_;
  std::map<SchemaName, Known> unsaved_;
  std::size_t unsaved_bytes_ = 0;
  Clock::time_point save_after_{};
  SchemaName last_saved_;     // or tried: those that wait have turns
  std::string save_trouble_;  // that was logged last
  std::string told_;          // the trouble that was logged last; empty: it answers

  mutable Mutex mutex_;
  std::condition_variable_any asked_, answered_;
  std::map<SchemaName, Known> known_ GUARDED_BY(mutex_);
  std::map<SchemaName, Refusal> refused_ GUARDED_BY(mutex_);
  std::map<SchemaName, Question> questions_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;  // of what is known
  Clock::time_point hold_until_ GUARDED_BY(mutex_){};
  std::chrono::milliseconds backoff_ GUARDED_BY(mutex_){0};
  SchemaName last_asked_ GUARDED_BY(mutex_);  // questions have turns
  bool running_ GUARDED_BY(mutex_) = false;
  Thread thread_;  // started under the mutex, joined without
};

}  // namespace sluice::listener
