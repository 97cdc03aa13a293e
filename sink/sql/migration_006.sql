-- oldest reader: 2
-- The time line of all instances. A program of an earlier version writes it as well, by the trigger on the pointers.
CREATE TABLE :schema.event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  pipeline text NOT NULL,
  instance text NOT NULL,
  kind text NOT NULL,
  topic text,
  partition int,
  from_state text,
  to_state text,
  reason text
);
CREATE INDEX event_at ON :schema.event (pipeline, at);
CREATE INDEX event_state ON :schema.event (pipeline, topic, partition, id) WHERE kind IN ('stopped', 'resumed');
CREATE INDEX event_lag ON :schema.event (pipeline, topic, partition, id) WHERE kind = 'lag';

CREATE INDEX audit_note ON :schema.audit (pipeline, id) WHERE command = 'note';
CREATE INDEX event_mute ON :schema.event (pipeline, id) WHERE kind IN ('muted', 'unmuted');

-- What still has to be told. Each event leaves a row without a hook, which one instance shares out to the hooks that want it;
-- a hook's row goes once its receiver has taken it.
CREATE TABLE :schema.notification (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  pipeline text NOT NULL,
  hook text NOT NULL,
  event_id bigint NOT NULL REFERENCES :schema.event ON DELETE CASCADE,
  attempts int NOT NULL DEFAULT 0,
  next_try timestamptz NOT NULL
);
CREATE INDEX notification_due ON :schema.notification (pipeline, hook, id);
CREATE INDEX notification_event ON :schema.notification (event_id);

-- That a partition has resumed is told when it has lasted.
CREATE FUNCTION :schema.event_recorded() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  INSERT INTO :schema.notification (pipeline, hook, event_id, next_try)
  VALUES (NEW.pipeline, '', NEW.id,
          clock_timestamp() + CASE WHEN NEW.kind = 'resumed' THEN interval '10 seconds' ELSE interval '0' END);
  RETURN NULL;
END
$function$;

CREATE TRIGGER event_recorded AFTER INSERT ON :schema.event FOR EACH ROW EXECUTE FUNCTION :schema.event_recorded();

-- Whoever changes a partition's state, in whichever statement, records it in the same transaction. Moving a pointer does
-- not set the column, so batches never come here.
-- A partition whose state may heal is let through every few seconds, to see whether it does. One that stops again at once,
-- and for the same reason, was never resumed: what said so is taken back, unless it has been told, and there is no new stop.
CREATE FUNCTION :schema.state_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  last record;
BEGIN
  IF NEW.state <> 'ok' THEN
    SELECT * INTO last FROM :schema.event e
     WHERE e.pipeline = NEW.pipeline AND e.topic = NEW.topic AND e.partition = NEW.partition AND e.kind IN ('stopped', 'resumed')
     ORDER BY e.id DESC LIMIT 1;
    IF last.kind = 'resumed' AND last.from_state = NEW.state AND last.at > clock_timestamp() - interval '10 seconds'
       AND NEW.state_reason = (
         SELECT e.reason FROM :schema.event e
          WHERE e.pipeline = NEW.pipeline AND e.topic = NEW.topic AND e.partition = NEW.partition
            AND e.kind IN ('stopped', 'resumed') AND e.id < last.id
          ORDER BY e.id DESC LIMIT 1) THEN
      PERFORM FROM :schema.notification n WHERE n.event_id = last.id AND n.hook = '' FOR UPDATE SKIP LOCKED;
      IF FOUND THEN
        DELETE FROM :schema.event e WHERE e.id = last.id;
        RETURN NULL;
      END IF;
    END IF;
  END IF;
  INSERT INTO :schema.event (pipeline, instance, kind, topic, partition, from_state, to_state, reason)
  VALUES (NEW.pipeline, coalesce(NEW.owner_host, ''), CASE WHEN NEW.state = 'ok' THEN 'resumed' ELSE 'stopped' END,
          NEW.topic, NEW.partition, OLD.state, NEW.state, NEW.state_reason);
  RETURN NULL;
END
$function$;

CREATE TRIGGER state_changed AFTER UPDATE OF state ON :schema.pointer
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION :schema.state_changed();

-- Letters that the time line has not counted yet; those that there are have been seen by now.
ALTER TABLE :schema.dead_letter ADD COLUMN told boolean NOT NULL DEFAULT true;
ALTER TABLE :schema.dead_letter ALTER COLUMN told SET DEFAULT false;
CREATE INDEX dead_letter_untold ON :schema.dead_letter (pipeline) WHERE NOT told;

-- With a trigger of its own, whoever may call these could record what has never been.
REVOKE ALL ON FUNCTION :schema.event_recorded(), :schema.state_changed() FROM PUBLIC;
