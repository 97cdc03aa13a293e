-- How many the filter has.
SELECT count(*) AS found
FROM :schema.dead_letter
WHERE :part dead_letter_filter
