-- A pointer, as to_pointer() reads it; $2 is who asks.
topic, partition, start_offset, next_offset, generation, epoch, coalesce(owner::text, '') AS owner,
       coalesce(owner_host, '') AS owner_host, coalesce(owner = $2::uuid, false) AS ours, state,
       coalesce(state_reason, '') AS state_reason, applied, folded, skipped, dead, gaps, anchor_offset,
       (extract(epoch FROM updated_at) * 1000)::bigint AS updated_at
