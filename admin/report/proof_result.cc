#include "admin/report/proof_result.h"

namespace sluice::report {

Section proof_partitions_result() {
  Section section{.name = "partitions", .columns = {{.name = "topic"}, {.name = "partition", .kind = ColumnType::id}}};
  for (const std::string_view column : {"start", "next", "end", "lag", "applied", "folded", "skipped", "dead", "gaps"})
    section.columns.push_back({.name = column, .kind = ColumnType::number});
  section.columns.push_back({.name = "verified_through", .kind = ColumnType::number, .label = "verified through"});
  section.columns.push_back({.name = "result"});
  return section;
}

}  // namespace sluice::report
