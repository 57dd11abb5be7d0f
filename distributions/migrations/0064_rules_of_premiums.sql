-- A premium is paid on by one distribution that stands, of its own offering, once it has arrived, and all of it. Only
-- cancelling that distribution frees it.
CREATE FUNCTION premium_paid_on_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    d distributions;
    i capital_call_items;
    c capital_calls;
    fault text;
BEGIN
    SELECT * INTO STRICT d FROM distributions x WHERE x.id = NEW.distribution_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.freed_at IS DISTINCT FROM OLD.freed_at AND d.status <> 'CANCELLED' THEN
            RAISE EXCEPTION 'premiums_paid_on: % is not cancelled and keeps its premiums', d.distribution_number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO STRICT i FROM capital_call_items x WHERE x.id = NEW.item_id;
    SELECT * INTO STRICT c FROM capital_calls x WHERE x.id = i.call_id;
    fault := CASE
        WHEN d.nature <> 'PREMIUM' OR d.status <> 'DRAFT' THEN 'is put into a draft that pays premiums on, and no other'
        WHEN NEW.freed_at IS NOT NULL THEN 'is not free before it was in a distribution'
        WHEN c.kind <> 'LATE_CLOSING' OR c.offering_id <> d.offering_id THEN 'is of a late closing of the offering'
        WHEN i.status <> 'PAID' THEN 'has not arrived'
        WHEN NEW.amount <> i.premium_amount THEN 'is paid on whole' END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'premiums_paid_on: a premium % (%)', fault, NEW.item_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- The numbers that were submitted stay as they are while signatures count; they foot, and every override has its second
-- person. What pays premiums on pays exactly those that are in it.
CREATE OR REPLACE FUNCTION distributions_stay_as_submitted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allocated numeric;
BEGIN
    IF OLD.status <> 'DRAFT' AND NEW.status <> 'DRAFT'
       AND (NEW.type, NEW.platform_fee_amount, NEW.net_amount, NEW.return_of_capital_total, NEW.preferred_return_total,
            NEW.sponsor_catch_up_total, NEW.profit_split_total, NEW.premium_total, NEW.terms_id, NEW.waterfall_tiers,
            NEW.as_of_date, NEW.content_hash, NEW.submitted_at, NEW.metadata -> 'basis')
           IS DISTINCT FROM
           (OLD.type, OLD.platform_fee_amount, OLD.net_amount, OLD.return_of_capital_total, OLD.preferred_return_total,
            OLD.sponsor_catch_up_total, OLD.profit_split_total, OLD.premium_total, OLD.terms_id, OLD.waterfall_tiers,
            OLD.as_of_date, OLD.content_hash, OLD.submitted_at, OLD.metadata -> 'basis') THEN
        RAISE EXCEPTION '% was submitted; its numbers stay as they are', OLD.distribution_number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NEW.status IN ('PENDING_APPROVAL', 'APPROVED', 'QUEUED') THEN
        SELECT sum(total_amount) INTO allocated FROM distribution_allocations
         WHERE distribution_id = NEW.id AND status <> 'CANCELLED';
        IF allocated IS DISTINCT FROM NEW.net_amount THEN
            RAISE EXCEPTION '%: its allocations come to %, not to %', NEW.distribution_number, allocated, NEW.net_amount
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.nature = 'PREMIUM' AND NEW.total_amount IS DISTINCT FROM (
            SELECT sum(amount) FROM premiums_paid_on WHERE distribution_id = NEW.id AND freed_at IS NULL) THEN
            RAISE EXCEPTION '% does not come to the premiums that are in it', NEW.distribution_number
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF EXISTS (SELECT FROM distribution_allocations
                    WHERE distribution_id = NEW.id AND status <> 'CANCELLED'
                      AND overridden_by_id IS NOT NULL AND override_confirmed_by_id IS NULL) THEN
            RAISE EXCEPTION '%: an override waits for a second person', NEW.distribution_number
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A premium is paid to those who paid earlier calls, never above what others paid, and never by the waterfall.
-- Allocations are drawn up with their distribution, and called off with it: never once it is being paid, but by a write-off.
CREATE OR REPLACE FUNCTION distributions_allocation_is_drawn_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole text;
    kind text;
    of_offering uuid;
    from_others numeric;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.status <> 'CANCELLED' OR OLD.status = 'CANCELLED') THEN
        RETURN NEW;
    END IF;
    SELECT status, nature, offering_id INTO whole, kind, of_offering FROM distributions WHERE id = NEW.distribution_id;
    IF TG_OP = 'INSERT' AND kind = 'WATERFALL' AND NEW.premium_amount <> 0 THEN
        RAISE EXCEPTION 'distribution_allocations: the waterfall pays no premiums' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' AND kind = 'PREMIUM' THEN
        SELECT coalesce(sum(p.amount), 0) INTO from_others
          FROM premiums_paid_on p JOIN capital_call_items i ON i.id = p.item_id
         WHERE p.distribution_id = NEW.distribution_id AND p.freed_at IS NULL AND i.investor_id <> NEW.investor_id;
        IF NEW.premium_amount <> NEW.total_amount OR NEW.premium_amount > from_others OR NEW.overridden_by_id IS NOT NULL
           OR NOT EXISTS (
              SELECT FROM capital_call_items i JOIN capital_calls c ON c.id = i.call_id
               WHERE i.investment_id = NEW.investment_id AND i.investor_id = NEW.investor_id AND i.status = 'PAID'
                 AND c.kind = 'REGULAR' AND c.offering_id = of_offering) THEN
            RAISE EXCEPTION 'distribution_allocations: premiums go to those who paid earlier calls, of what others paid'
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' AND whole = 'DRAFT' AND NEW.written_off_at IS NULL
       OR TG_OP = 'UPDATE' AND whole IN ('DRAFT', 'PENDING_APPROVAL', 'APPROVED')
       OR TG_OP = 'UPDATE' AND OLD.written_off_at IS NULL AND NEW.written_off_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'distribution_allocations: a distribution that is % keeps the allocations it has', whole
        USING ERRCODE = 'restrict_violation';
END $$;
