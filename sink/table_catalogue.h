// Describes tables by PostgreSQL's catalogue, and keeps Sluice's own schema: off the hot path, blocking with deadlines.
//
// A TableCatalogue keeps its connection between calls: a lost one is replaced by the next call, one that has not been
// used for a minute is closed by close_if_idle() or by the next call. Each lane and `sluice check` have their
// own; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sink/sql_client.h"
#include "sink/tables.h"

namespace sluice::sink {

class TableCatalogue final : public Tables {
 public:
  explicit TableCatalogue(const config::Postgres& settings);

  // Creates or migrates the schema under an advisory lock; safe to run from many instances. May take minutes where an
  // index of a large table is made.
  Result<void> migrate();
  // The SQL that migrate() would run now without its comments, for `check --connect`; empty when the schema is current.
  Result<std::string> pending_migration();

  DescribedTable describe(const std::string& name, const config::Route& route) override;
  std::vector<DescribedTable> describe_all(std::span<const WantedTable> wanted) override;
  Result<Evolved> evolve(const WantedTable& wanted, const Evolution& evolution) override;
  std::string statement_for(const std::string& name, const Evolution& evolution) const override;
  Result<bool> unchanged(std::span<const Table* const> tables) override;
  Result<bool> equal(const Equality& values) override;

  // Returns true if the role that Sluice connects as may do anything.
  Result<bool> is_superuser();

  void close_if_idle();
  // The next call opens a new connection.
  void close() { client_.reset(); }

 private:
  template <class Ask>
  auto with_client(Ask ask) -> decltype(ask(std::declval<SqlClient&>()));

  Result<Evolved> create(const WantedTable& wanted, const Evolution& evolution);

  // While it runs nobody reads or writes the table, so what ran out of time once is left to be run by hand.
  struct TimedOut {
    std::uint32_t oid = 0;
    Evolution evolution;  // that the table lacked
    Error refusal;
  };
  const Error* timed_out(const Table& table, const Evolution& left);

  const config::Postgres settings_;
  std::optional<SqlClient> client_;
  Clock::time_point last_used_{};
  std::vector<TimedOut> timed_out_;  // the latest, until somebody has altered the table
};

}  // namespace sluice::sink
