target, coalesce(reason, '') AS reason, coalesce(paused_by, '') AS paused_by,
       (extract(epoch FROM paused_at) * 1000)::bigint AS paused_at, (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at
