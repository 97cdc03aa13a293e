// The schemas of a registry: known for ever once they were asked for, and asked for by a thread of its own, so that no
// lane waits for HTTP.
//
// Owned by the service, or by one explain or replay; find() may be called by any thread. The thread starts with the
// first question and ends with the object. While the registry cannot be asked, a copy in the SchemaStore takes its
// place, and the question is repeated with a back-off from 100 ms to 5 s for as long as somebody comes back for the
// answer. Bounded: schemas by number and size, questions by number.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "listener/registry/registry_client.h"

namespace sluice::listener {

class SchemaRegistry final : public SchemaSource {
 public:
  // `store` may be null: then nothing is kept.
  SchemaRegistry(const config::Registry& settings, std::unique_ptr<SchemaStore> store);
  ~SchemaRegistry() override;

  Found find(const SchemaName& schema, std::chrono::milliseconds patience) override;

 private:
  struct Question {
    Clock::time_point asked{};   // for the first time
    Clock::time_point wanted{};  // for the last time
    std::string trouble;         // why there is no answer yet
  };
  struct Refusal {
    std::string reason;
    Clock::time_point until{};
  };
  using Known = std::shared_ptr<const RegisteredSchema>;

  Found answer_to(const SchemaName& schema, Clock::time_point now) const;
  bool make_room(std::size_t bytes);
  void run();
  void ask(const SchemaName& schema, std::unique_lock<std::mutex>& lock);
  void keep(const SchemaName& schema, Known found);
  Known kept(const SchemaName& schema);
  void save_new();
  void note(const std::string& trouble);

  const config::Registry settings_;
  const std::string name_;  // in sluice.schema
  const std::unique_ptr<SchemaStore> store_;
  std::atomic<bool> stop_{false};

  // The thread's only.
  RegistryClient client_;
  std::map<SchemaName, Known> unsaved_;
  Clock::time_point save_after_{};
  std::string told_;  // the trouble that was logged last; empty: it answers

  std::mutex mutex_;
  std::condition_variable asked_, answered_;
  std::map<SchemaName, Known> known_;
  std::map<SchemaName, Refusal> refused_;
  std::map<SchemaName, Question> questions_;
  std::size_t bytes_ = 0;  // of what is known
  Clock::time_point hold_until_{};
  std::chrono::milliseconds backoff_{0};
  SchemaName last_asked_;  // questions have turns
  std::thread thread_;
};

}  // namespace sluice::listener
