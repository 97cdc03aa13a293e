#include "sink/pointer_rows.h"

#include "sink/sql.h"

namespace sluice::sink {

PointerRow to_pointer(const Row& row) {
  PointerRow pointer;
  pointer.at = {row.text("topic"), static_cast<std::int32_t>(row.integer("partition"))};
  pointer.start = row.integer("start_offset");
  pointer.next = row.integer("next_offset");
  pointer.generation = static_cast<std::int32_t>(row.integer("generation"));
  pointer.epoch = row.integer("epoch");
  pointer.owner = row.text("owner");
  pointer.owner_host = row.text("owner_host");
  pointer.ours = row.boolean("ours");
  pointer.state = parse_partition_state(row.text("state")).value_or(PartitionState::poison);
  pointer.reason = row.text("state_reason");
  pointer.counts = {row.integer("applied"), row.integer("folded"), row.integer("skipped"), row.integer("dead"),
                    row.integer("gaps")};
  if (row["anchor_offset"]) pointer.anchor_offset = row.integer("anchor_offset");
  pointer.updated = WallClock::time_point(std::chrono::milliseconds(row.integer("updated_at")));
  return pointer;
}

Result<std::vector<PointerRow>> read_pointers(SqlClient& client, const std::string& schema, const std::string& pipeline,
                                              const Field& owner) {
  const auto rows = client.run(sql("pointer_select", schema), {pipeline, owner});
  if (!rows) return std::unexpected(rows.error());
  std::vector<PointerRow> pointers;
  for (const auto& row : *rows) pointers.push_back(to_pointer(row));
  return pointers;
}

}  // namespace sluice::sink
