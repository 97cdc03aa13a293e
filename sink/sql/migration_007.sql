-- oldest reader: 2
-- Jobs: idempotent SQL of the configuration that runs after commits. Whether one is due is never stored: `seen` is what its last
-- run that succeeded has seen of the pointers at least, and it is due while that differs from what they are now. So batches
-- write nothing here, and no lane waits for another one, or for a job.
CREATE TABLE :schema.job (
  pipeline text NOT NULL,
  name text NOT NULL,
  seen text,
  touched bigint NOT NULL DEFAULT 0,
  ordered_at timestamptz,
  last_started timestamptz,
  last_finished timestamptz,
  last_success timestamptz,
  instance text,
  runs bigint NOT NULL DEFAULT 0,
  failures bigint NOT NULL DEFAULT 0,
  failed_in_a_row int NOT NULL DEFAULT 0,
  retry_at timestamptz,
  last_error text,
  last_detail text,
  PRIMARY KEY (pipeline, name)
);

-- What writes to tables, or makes counts begin again, and is no batch: a replay, a partition that is set up anew. It is told by
-- whatever statement does it, so an earlier version's are counted as well. A run only writes the row at its end, so nobody waits
-- longer than for its COMMIT.
CREATE FUNCTION :schema.touch_jobs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  UPDATE :schema.job SET touched = touched + 1 WHERE pipeline = NEW.pipeline;
  RETURN NULL;
END
$function$;

CREATE TRIGGER touch_jobs AFTER UPDATE OF resolved_at ON :schema.dead_letter
FOR EACH ROW WHEN (NEW.resolution LIKE 'replayed%') EXECUTE FUNCTION :schema.touch_jobs();
CREATE TRIGGER touch_jobs AFTER UPDATE OF start_offset ON :schema.pointer
FOR EACH ROW WHEN (NEW.applied < OLD.applied) EXECUTE FUNCTION :schema.touch_jobs();

REVOKE ALL ON FUNCTION :schema.touch_jobs() FROM PUBLIC;
