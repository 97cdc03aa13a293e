DELETE FROM :schema.pause WHERE pipeline = $1 AND expires_at <= clock_timestamp()
RETURNING target, coalesce(reason, ''), coalesce(paused_by, ''), (extract(epoch FROM paused_at) * 1000)::bigint,
          (extract(epoch FROM expires_at) * 1000)::bigint
