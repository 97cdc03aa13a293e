// The pointer rows in PostgreSQL, and the tables that topics feed by configuration. Owned by the admin service; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "admin/positions.h"
#include "runtime/pipeline/route_tables.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class StoredPositions final : public Positions {
 public:
  StoredPositions(sink::AdminTables& tables, const RouteTables& routes) : tables_(tables), routes_(routes) {}

  Result<std::vector<PointerRow>> pointers() override { return tables_.pointers(); }
  std::vector<std::string> configured_tables(const std::string& topic) const override {
    return routes_.by_configuration(topic);
  }

 private:
  sink::AdminTables& tables_;
  const RouteTables& routes_;
};

}  // namespace sluice::runtime
