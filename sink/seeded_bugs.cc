// Mistakes that the fault harness must catch (base/failpoint.h), where they need more than a line. Never in a release.

#include "base/failpoint.h"

#ifdef SLUICE_FAULTS
#include <fmt/format.h>

#include "base/table_name.h"
#include "sink/pointer_parameters.h"
#include "sink/transaction.h"

namespace sluice::sink {

// Compares as it should, but does not check that a row was there to be moved.
void WriterSession::send_unchecked_advance(std::span<const PartitionRange> ranges) {
  add_advance(parameters, identity, ranges, true);
  auto& statement = statements.get("unchecked_advance", [this] {
    return fmt::format(R"(
UPDATE {}.pointer p
SET next_offset = s.next, anchor_offset = coalesce(s.anchor_offset, p.anchor_offset),
    anchor_timestamp = coalesce(s.anchor_timestamp, p.anchor_timestamp),
    anchor_crc = coalesce(s.anchor_crc, p.anchor_crc), applied = p.applied + s.applied,
    folded = p.folded + s.folded, skipped = p.skipped + s.skipped, dead = p.dead + s.dead, gaps = p.gaps + s.gaps
FROM (SELECT unnest($3::text[]) AS topic, unnest($4::int[]) AS partition, unnest($5::bigint[]) AS expected,
             unnest($6::bigint[]) AS next, unnest($7::bigint[]) AS epoch, unnest($8::int[]) AS generation,
             unnest($9::bigint[]) AS anchor_offset, unnest($10::timestamptz[]) AS anchor_timestamp,
             unnest($11::bigint[]) AS anchor_crc, unnest($12::bigint[]) AS applied,
             unnest($13::bigint[]) AS folded, unnest($14::bigint[]) AS skipped, unnest($15::bigint[]) AS dead,
             unnest($16::bigint[]) AS gaps) s
WHERE p.pipeline = $1::text AND p.owner = $2::uuid AND p.topic = s.topic AND p.partition = s.partition
  AND p.next_offset = s.expected AND p.epoch = s.epoch AND p.generation = s.generation AND p.state = 'ok')",
                       quoted(schema));
  });
  connection.send(statement, parameters);
}

}  // namespace sluice::sink
#endif
