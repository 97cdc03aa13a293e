-- oldest reader: 2
-- Reasons without a record's data, retention by index, functions that look nothing up by the caller's search path, and
-- versions that say which programs can still use the schema: one that knows only an older version runs on if it is at
-- least the oldest reader. So this file adds and never takes away: what it retires goes with a later version, whose oldest
-- reader is a program that does without it.

ALTER TABLE :schema.schema_version ADD COLUMN oldest_reader int;

ALTER TABLE :schema.dead_letter ADD COLUMN detail text;
-- Until now both were one, and a viewer may see the reason.
UPDATE :schema.dead_letter
SET detail = reason, reason = 'stored before reasons and values were kept apart; the detail has all of it';
UPDATE :schema.pointer SET state_reason = split_part(state_reason, ': ', 1) WHERE state = 'poison';

CREATE INDEX dead_letter_resolved ON :schema.dead_letter (pipeline, resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX audit_at ON :schema.audit (pipeline, at);

ALTER FUNCTION :schema.advance SET search_path = pg_catalog, pg_temp;
