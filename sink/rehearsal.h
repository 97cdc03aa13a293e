// What DDL would change, tried in transactions that are rolled back: tables as they would be described behind it
// (AlteredTables), and records written behind it (Rehearsal). No class here has a COMMIT.
//
// Used by one thread; connections of their own, blocking with deadlines. ALTER TABLE takes an ACCESS EXCLUSIVE lock, so
// whoever reads or writes the table waits meanwhile. Each transaction waits for a lock half a second and ends after
// three; what runs into that, as what PostgreSQL refuses, is told as a sentence for an operator. Nothing stays but the
// numbers that sequences gave out and dead tuples, for vacuum.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "base/clock.h"
#include "sink/claim.h"
#include "sink/sql_client.h"
#include "sink/table_catalogue.h"

namespace sluice::sink {

struct RehearsalLimits {
  std::chrono::milliseconds lock{500};    // a wait for one
  std::chrono::milliseconds whole{3000};  // of a transaction
};

// One statement, and the table that it alters or makes. Without a statement nothing is altered.
struct RehearsedDdl {
  std::string table;  // as routes spell it
  std::string statement;
};

class AlteredTables final : public Tables {
 public:
  AlteredTables(const config::Postgres& settings, RehearsedDdl ddl, RehearsalLimits limits = {});

  // Of the altered table, what the catalogue says within the transaction; it is asked once. All others are as they are.
  DescribedTable describe(const std::string& name, const config::Route& route) override;
  std::string statement_for(const std::string& name, const Evolution& evolution) const override;
  Result<bool> unchanged(std::span<const Table* const> tables) override;
  Result<bool> equal(const Equality& values) override { return catalogue_.equal(values); }

  // Why the statement could not be run, once that was found. It is not tried again.
  const std::optional<Error>& refusal() const { return refusal_; }

 private:
  Result<DescribedTable> describe_altered(SqlClient& client, const WantedTable& wanted) const;

  const config::Postgres settings_;
  const RehearsedDdl ddl_;
  const RehearsalLimits limits_;
  TableCatalogue catalogue_;
  std::vector<std::pair<const config::Route*, DescribedTable>> altered_;  // for each route that asked
  std::optional<Error> refusal_;
};

class Rehearsal {
 public:
  Rehearsal(const config::Postgres& settings, Identity identity, RehearsalLimits limits = {});
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  // Begins the transaction and runs the statement, if there is one; on error nothing is begun.
  Result<void> begin(const RehearsedDdl& ddl);
  // Writes one record's rows within a savepoint, which is undone on error; `reject` is PostgreSQL's refusal of the
  // rows, and the transaction continues as long as time is left.
  Result<void> write(const Changes& changes);
  bool over() const;  // its time is, or its connection is lost
  void rollback();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::sink
