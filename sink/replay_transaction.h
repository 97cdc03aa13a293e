// Applies single dead letters again: each in a transaction of its own that holds its partition's pointer row, so that
// it comes before or after any batch of that partition, whichever instance applies it.
//
// Used by one thread; a connection of its own, blocking with deadlines. A transaction goes begin, write, then applied
// or refused; rollback at any point. The order of locks is that of a batch (pointer, tables, rows). After an error of
// the connection, which closes it, the outcome is unknown: re-read the dead letter to learn it.
#pragma once

#include <memory>
#include <string>

#include "admin/dead_letters.h"
#include "admin/inspection.h"
#include "base/changes.h"
#include "config/pipeline.h"
#include "sink/claim.h"

namespace sluice::sink {

class ReplayTransaction {
 public:
  ReplayTransaction(const config::Postgres& settings, Identity identity);
  ~ReplayTransaction();
  ReplayTransaction(const ReplayTransaction&) = delete;
  ReplayTransaction& operator=(const ReplayTransaction&) = delete;

  Result<void> connect();

  struct Pointer {
    Offset next = 0;
    std::int32_t generation = 0;
  };
  // Begins, and locks pointer and letter; `reject` if someone else has resolved the dead letter.
  Result<Pointer> begin(const DeadLetterRow& letter);
  // Writes the rows within a savepoint, which is undone on error; the transaction continues.
  Result<void> write(const Changes& changes);
  // Writes the rows in a transaction of its own, which is rolled back: what PostgreSQL says to them. Waits for locks
  // for two seconds at most, and holds none afterwards.
  Result<void> rehearse(const Changes& changes);
  // Marks the letter and commits.
  Result<void> applied(const DeadLetterRow& letter, const std::string& resolution);
  // Counts the attempt, keeps the new reason and commits.
  Result<void> refused(const DeadLetterRow& letter, const DeadLetter& why);
  void rollback();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::sink
