-- Takes one pointer row and waits for the transaction that holds it: a predecessor that commits without a pause leaves no
-- moment in which its row is free.
:part claim_pointer
WHERE p.pipeline = $1 AND p.topic = $4 AND p.partition = $5::int
:part claimed_pointer
