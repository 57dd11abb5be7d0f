-- A reinvestment is what its investor elected of an allocation that is drawn up, is moved by the two halves of that
-- amount, and is done, given up or reversed exactly when they are.
CREATE OR REPLACE FUNCTION reinvestment_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    a distribution_allocations;
    e reinvestment_elections;
    t transactions;
    u transactions;
BEGIN
    SELECT * INTO STRICT a FROM distribution_allocations x WHERE x.id = NEW.allocation_id;
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO STRICT e FROM reinvestment_elections x WHERE x.id = NEW.election_id;
        IF a.status <> 'PENDING' OR NEW.amount > a.net_amount
           OR NOT EXISTS (SELECT FROM distributions d WHERE d.id = a.distribution_id AND d.status = 'DRAFT') THEN
            RAISE EXCEPTION 'a reinvestment is planned with the figures, of what is due' USING ERRCODE = 'RC014';
        ELSIF e.status <> 'ACTIVE' OR NEW.outbound_id IS NOT NULL
              OR (e.investor_id, e.investment_id, e.target_offering_id)
                 IS DISTINCT FROM (a.investor_id, a.investment_id, NEW.target_offering_id) THEN
            RAISE EXCEPTION 'a reinvestment is what its investor elected' USING ERRCODE = 'RC014';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.outbound_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT * INTO STRICT t FROM transactions x WHERE x.id = NEW.outbound_id;
    SELECT * INTO u FROM transactions x WHERE x.id = t.counterpart_id;
    IF (t.type, t.distribution_id, t.to_user_id, t.amount)
       IS DISTINCT FROM ('DISTRIBUTION', a.distribution_id, a.investor_id, NEW.amount)
       OR u.id IS NULL OR u.offering_id <> NEW.target_offering_id THEN
        RAISE EXCEPTION 'a reinvestment is moved by the two halves of its amount' USING ERRCODE = 'RC014';
    ELSIF NEW.status = 'DONE' AND t.status NOT IN ('SETTLED', 'COMPLETED')
          OR NEW.status = 'CASH' AND t.status <> 'CANCELLED'
          OR NEW.status = 'REVERSED' AND t.status <> 'REVERSED' THEN
        RAISE EXCEPTION 'a reinvestment is % when its payments are, and they are %', NEW.status, t.status
            USING ERRCODE = 'RC014';
    END IF;
    RETURN NEW;
END $$;
