// Explains one record: its decoded form, the rows that result, the SQL that would run, and what PostgreSQL says to it
// in a transaction that is rolled back. Leaves nothing behind but the numbers that sequences have given out.
//
// Any thread; everything it uses is its own and gone when it returns, within 30 seconds. Values are shown as PostgreSQL
// reads them; what it cannot read, or refuses, makes the outcome `dead`.
#pragma once

#include <memory>

#include "admin/inspection.h"
#include "config/pipeline.h"

namespace sluice::runtime {

// Explains the record at the offset of the log.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const TopicPartition& at, Offset offset,
                            bool ask_postgres);
// Explains a given record.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const Record& record, bool ask_postgres);

class RecordInspection final : public Inspection {
 public:
  explicit RecordInspection(std::shared_ptr<const config::Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}
  Result<Explanation> explain(const TopicPartition& at, Offset offset, bool ask_postgres) override {
    return runtime::explain(pipeline_, at, offset, ask_postgres);
  }

 private:
  const std::shared_ptr<const config::Pipeline> pipeline_;
};

}  // namespace sluice::runtime
