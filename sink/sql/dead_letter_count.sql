-- How many the filter has.
SELECT count(*) AS found
FROM :schema.dead_letter
WHERE :letter_filter
