// Columns and row counts of target tables, asked for by operators. A connection for each call, as these are rare.
#pragma once

#include "admin/tables.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class TableFacts final : public Tables {
 public:
  explicit TableFacts(const config::Postgres& settings) : settings_(settings) {}

  Result<std::vector<TableColumn>> columns(const std::string& table) override;
  Result<std::int64_t> count_rows(const std::string& table, std::chrono::milliseconds within) override;

 private:
  const config::Postgres settings_;
};

}  // namespace sluice::runtime
