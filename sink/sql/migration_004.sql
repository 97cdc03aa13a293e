-- oldest reader: 2
-- Copies of the schemas that a registry has given, so that a restart goes on while it is away. What a schema refers to
-- follows it under its id, a number and the name that it uses: 7, 7/001/common.proto.
CREATE TABLE :schema.schema (
  registry text NOT NULL,
  id text NOT NULL,
  kind text NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (registry, id)
);
