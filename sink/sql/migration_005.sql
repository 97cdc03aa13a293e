-- oldest reader: 2
-- What others may know of the log's effect: whether a record has taken it, and up to where it is proved.

-- Read your writes: returns true once the record has taken effect, also as a dead letter. For applications, which need USAGE
-- on the schema and nothing else: the functions look at the pointers with the rights of their owner.
CREATE FUNCTION :schema.applied(pipeline text, topic text, partition int, record_offset bigint) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
  SELECT EXISTS (
    SELECT FROM :schema.pointer p
    WHERE p.pipeline = applied.pipeline AND p.topic = applied.topic AND p.partition = applied.partition
      AND p.next_offset > applied.record_offset)
$function$;

-- The same in the one pipeline that reads the topic; false before a pipeline has begun to.
CREATE FUNCTION :schema.applied(topic text, partition int, record_offset bigint) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  readers text[];
BEGIN
  SELECT array_agg(DISTINCT p.pipeline ORDER BY p.pipeline) INTO readers FROM :schema.pointer p WHERE p.topic = applied.topic;
  IF cardinality(readers) > 1 THEN
    RAISE EXCEPTION 'several pipelines read the topic %: %', applied.topic, array_to_string(readers, ', ')
      USING ERRCODE = 'SL003', HINT = 'Name one of them first: applied(pipeline, topic, partition, record_offset).';
  END IF;
  RETURN coalesce(:schema.applied(readers[1], applied.topic, applied.partition, applied.record_offset), false);
END
$function$;

-- A row for each partition and proof. verified_through moves only over what was proved; a proof that fails repeats the last.
CREATE TABLE :schema.verification (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  pipeline text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  verified_through bigint,
  result text NOT NULL,
  detail jsonb NOT NULL
);
CREATE INDEX verification_last ON :schema.verification (pipeline, topic, partition, id);
CREATE INDEX verification_at ON :schema.verification (pipeline, at);
