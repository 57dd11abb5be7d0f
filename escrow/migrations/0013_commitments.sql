-- Commitments: each promise with its moment, never above what the offering may raise; and funded amounts that are
-- what executed closings released.

CREATE FUNCTION commitment_has_its_moment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.committed_at := coalesce(NEW.committed_at, NEW.created_at);
        IF NOT realco_is_about_now(NEW.committed_at) THEN
            RAISE EXCEPTION 'a commitment is made now, not at %', NEW.committed_at USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NEW.committed_at IS DISTINCT FROM OLD.committed_at AND NEW.investment_amount = OLD.investment_amount THEN
        RAISE EXCEPTION 'when something was committed never changes' USING ERRCODE = 'restrict_violation';
    ELSIF NEW.investment_amount <> OLD.investment_amount
          AND (NEW.committed_at IS NULL OR NEW.committed_at < OLD.committed_at
               OR NOT realco_is_about_now(NEW.committed_at)) THEN
        RAISE EXCEPTION 'a commitment that changes says when: set committed_at to now'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION commitment_is_written_down() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    added numeric := NEW.investment_amount;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        added := NEW.investment_amount - OLD.investment_amount;
    END IF;
    IF added <> 0 THEN
        INSERT INTO commitments (id, investment_id, amount, committed_at, created_at)
        VALUES (realco_uuid7(), NEW.id, added, NEW.committed_at, clock_timestamp());
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION commitments_follow_investments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'commitments are written down when an investment is made or raised; change the investment'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION commitments_within_maximum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised uuid[];
    broken record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT n.offering_id) INTO raised FROM new_rows n WHERE n.status <> 'CANCELLED';
        SELECT n.id INTO broken FROM new_rows n WHERE n.funded_amount <> 0 LIMIT 1;
    ELSE
        SELECT array_agg(DISTINCT n.offering_id) INTO raised
          FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE n.investment_amount > o.investment_amount AND n.status <> 'CANCELLED';
        -- What was funded is what executed closings released, summed once for all rows that changed.
        SELECT f.id INTO broken
          FROM (SELECT n.id, n.investor_id, n.offering_id, n.funded_amount
                  FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.funded_amount <> o.funded_amount) f
          LEFT JOIN (SELECT a.offering_id, e.key::uuid AS investor_id, sum(e.value::numeric) AS released
                       FROM closings c JOIN escrow_accounts a ON a.id = c.escrow_account_id,
                            jsonb_each_text(c.figures) e
                      WHERE c.status = 'EXECUTED' AND a.offering_id IN (SELECT offering_id FROM new_rows)
                      GROUP BY a.offering_id, e.key) r ON r.offering_id = f.offering_id
                                                      AND r.investor_id = f.investor_id
         WHERE f.funded_amount <> coalesce(r.released, 0)
         LIMIT 1;
    END IF;
    IF broken.id IS NOT NULL THEN
        RAISE EXCEPTION 'investment %: funded is what closings released, and nothing else', broken.id
            USING ERRCODE = 'RC006';
    END IF;
    IF raised IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM offerings WHERE id = ANY (raised) ORDER BY id FOR NO KEY UPDATE;
    SELECT o.name, o.maximum_amount, sum(i.investment_amount) AS committed INTO broken
      FROM offerings o JOIN investments i ON i.offering_id = o.id AND i.status <> 'CANCELLED'
     WHERE o.id = ANY (raised)
     GROUP BY o.id HAVING sum(i.investment_amount) > o.maximum_amount
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% would be committed %, above the % that it may raise', broken.name,
            realco_money(broken.committed), realco_money(broken.maximum_amount) USING ERRCODE = 'RC011';
    END IF;
    RETURN NULL;
END $$;
