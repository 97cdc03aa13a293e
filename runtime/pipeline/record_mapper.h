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
      : RecordMapper(pipeline, schemas, std::make_unique<sink::TableCatalogue>(pipeline->postgres), nullptr, evolves) {}
  // Asks these tables, which outlive it.
  RecordMapper(const std::shared_ptr<const config::Pipeline>& pipeline, SchemaSource& schemas, sink::Tables& tables,
               bool evolves)
      : RecordMapper(pipeline, schemas, nullptr, &tables, evolves) {}

  // See Mapper::infer_types.
  void infer_types() { mapper_.infer_types(); }

  // Maps it as the next record of the batch under construction.
  Result<void> add(const Record& record) {
    mapper_.ask_again_for_refused();
    auto done = map_record(mapper_, record, set_, {tables_, schemas_, patience_, evolves_}, descriptions_);
    if (!done) return std::unexpected(std::move(done.error().error));
    return {};
  }
  Changes take() { return set_.take(); }

 private:
  RecordMapper(const std::shared_ptr<const config::Pipeline>& pipeline, SchemaSource& schemas,
               std::unique_ptr<sink::Tables> own, sink::Tables* others, bool evolves)
      : mapper_(pipeline),
        own_(std::move(own)),
        tables_(others ? *others : *own_),
        schemas_(schemas),
        patience_(pipeline->registry.timeout * split_urls(pipeline->registry.url.reveal()).size()),
        evolves_(evolves) {}

  mapping::Mapper mapper_;
  mapping::ChangeSet set_;
  const std::unique_ptr<sink::Tables> own_;
  sink::Tables& tables_;
  SchemaSource& schemas_;
  const std::chrono::milliseconds patience_;
  const bool evolves_;
  const SteadyTime time_;
  DescriptionCheck descriptions_{mapper_, tables_, time_};
};

}  // namespace sluice::runtime
