// Maps records outside a lane, for explain and replay: asks the catalogue for each table once.
//
// Used by one thread. An error is the catalogue's: a table that is missing, or PostgreSQL away.
#pragma once

#include <memory>

#include "config/pipeline.h"
#include "mapping/mapper.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {

class RecordMapper {
 public:
  explicit RecordMapper(std::shared_ptr<const config::Pipeline> pipeline)
      : mapper_(pipeline), catalogue_(pipeline->postgres) {}

  // As the next record of the batch under construction.
  Result<void> add(const Record& record) {
    for (;;) {
      const auto added = mapper_.add(record);
      if (added) return {};
      auto table = catalogue_.describe(added.error().table, *added.error().route);
      if (!table) return std::unexpected(table.error());
      mapper_.set_table(added.error(), std::move(*table));
    }
  }
  Changes take() { return mapper_.take(); }

 private:
  mapping::Mapper mapper_;
  sink::TableCatalogue catalogue_;
};

}  // namespace sluice::runtime
