// Maps records outside a lane, for explain and replay: asks the catalogue for each table once.
//
// Used by one thread. Errors come from the catalogue: a missing table, or PostgreSQL is unreachable.
#pragma once

#include <memory>

#include "config/pipeline.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/resolver.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {

class RecordMapper {
 public:
  explicit RecordMapper(std::shared_ptr<const config::Pipeline> pipeline)
      : mapper_(pipeline), catalogue_(pipeline->postgres) {}

  // Maps it as the next record of the batch under construction.
  Result<void> add(const Record& record) {
    auto done = map_record(mapper_, record, set_, catalogue_, descriptions_);
    if (!done) return std::unexpected(std::move(done.error().error));
    return {};
  }
  Changes take() { return set_.take(); }

 private:
  mapping::Mapper mapper_;
  mapping::ChangeSet set_;
  sink::TableCatalogue catalogue_;
  const SteadyTime time_;
  DescriptionCheck descriptions_{mapper_, catalogue_, time_};
};

}  // namespace sluice::runtime
