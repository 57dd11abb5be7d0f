-- What was kept is in force, each version until the day on which the next one began.
UPDATE waterfall_terms AS t
   SET status = CASE WHEN later.begins IS NULL THEN 'ACTIVE' ELSE 'SUPERSEDED' END,
       superseded_from = later.begins,
       activated_at = t.created_at,
       taken_over = true
  FROM (SELECT id, lead(effective_from) OVER (PARTITION BY offering_id ORDER BY version) AS begins
          FROM waterfall_terms) AS later
 WHERE later.id = t.id;

-- Investors had all of every preferred return.
UPDATE waterfall_tiers SET sponsor_share = 0 WHERE kind = 'PREFERRED_RETURN' AND sponsor_share IS NULL;

-- The columns made wider above wrote every row anew, so its foreign keys are to be checked again: now, before
-- constraints are added.
SET CONSTRAINTS ALL IMMEDIATE;
