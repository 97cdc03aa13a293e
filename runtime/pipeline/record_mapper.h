// Maps records outside a lane, for explain and replay: asks the catalogue for each table once, and the schema registry
// for each schema.
//
// Used by one thread; the schemas outlive it. A schema has the time that the registry's URLs may take one after the
// other. Errors come from the catalogue or the registry: a missing table, or one of the two is
// unreachable.
#pragma once

#include <memory>

#include "base/http_url.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/resolver.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {

class RecordMapper {
 public:
  // `evolves`: tables may be altered for the records, where their routes let them evolve.
  RecordMapper(const std::shared_ptr<const config::Pipeline>& pipeline, SchemaSource& schemas, bool evolves = false)
      : mapper_(pipeline),
        catalogue_(pipeline->postgres),
        schemas_(schemas),
        patience_(pipeline->registry.timeout * split_urls(pipeline->registry.url.reveal()).size()),
        evolves_(evolves) {}

  // Maps it as the next record of the batch under construction.
  Result<void> add(const Record& record) {
    mapper_.ask_again_for_refused();
    auto done = map_record(mapper_, record, set_, {catalogue_, schemas_, patience_, evolves_}, descriptions_);
    if (!done) return std::unexpected(std::move(done.error().error));
    return {};
  }
  Changes take() { return set_.take(); }

 private:
  mapping::Mapper mapper_;
  mapping::ChangeSet set_;
  sink::TableCatalogue catalogue_;
  SchemaSource& schemas_;
  const std::chrono::milliseconds patience_;
  const bool evolves_;
  const SteadyTime time_;
  DescriptionCheck descriptions_{mapper_, catalogue_, time_};
};

}  // namespace sluice::runtime
