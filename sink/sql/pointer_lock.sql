-- Whoever applies a batch of this partition, in whichever instance, comes before or after.
SELECT next_offset, generation FROM :schema.pointer WHERE pipeline = $1 AND topic = $2 AND partition = $3::int FOR UPDATE
