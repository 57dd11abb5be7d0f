-- The release gate: what stands against a closing, in words, and the triggers that let none pass while anything does.
-- Python shows these very sentences (escrow/queries/release_gate.py). SQLSTATEs: RC006 the gate, RC011 over-subscription.

-- Up to when a commitment counts for a release at a moment, or NULL while investors may still cancel.
-- Regulation CF (17 CFR 227.304): everything, from 48 hours before the deadline on; before that, what was committed
-- up to the latest announced early closing that has come. Elsewhere everything, at any time.
CREATE FUNCTION escrow_release_cutoff(offering uuid, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN o.exemption <> 'REG_CF' OR at >= o.deadline_at - interval '48 hours' THEN 'infinity'::timestamptz
                ELSE (SELECT max(n.closes_at) FROM early_closing_notices n
                        JOIN escrow_accounts a ON a.id = n.escrow_account_id
                       WHERE a.offering_id = o.id AND n.closes_at <= at) END
      FROM offerings o WHERE o.id = offering
$$;

-- What a closing would release at a moment: each investor's cleared money, as far as they have committed it in time
-- and it has not been released before.
CREATE FUNCTION escrow_releasable(account uuid, at timestamptz)
RETURNS TABLE (investor uuid, amount numeric) LANGUAGE sql STABLE AS $$
    SELECT l.owner_id, least(l.balance, c.committed - i.funded_amount)
      FROM escrow_accounts a
      JOIN ledger_accounts l ON l.escrow_account_id = a.id AND l.kind = 'INVESTOR' AND l.balance > 0
      JOIN investments i ON i.offering_id = a.offering_id AND i.investor_id = l.owner_id
                        AND i.status IN ('PENDING', 'ACTIVE')
     CROSS JOIN LATERAL (SELECT coalesce(sum(m.amount), 0) AS committed FROM commitments m
                          WHERE m.investment_id = i.id
                            AND m.committed_at <= coalesce(escrow_release_cutoff(a.offering_id, at), 'infinity')) c
     WHERE a.id = account AND least(l.balance, c.committed - i.funded_amount) > 0
     ORDER BY l.owner_id
$$;

-- Everything that stands against releasing these figures (investor → amount) at a moment: a code, a sentence, whom
-- it is about. Nothing stands against it when there are no rows.
CREATE FUNCTION escrow_release_obstacles(account uuid, figures jsonb, at timestamptz)
RETURNS TABLE (code text, obstacle text, investor uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    a escrow_accounts;
    o offerings;
    cutoff timestamptz;
    total numeric;
    mismatched date;
BEGIN
    SELECT * INTO STRICT a FROM escrow_accounts e WHERE e.id = account;
    SELECT * INTO STRICT o FROM offerings f WHERE f.id = a.offering_id;
    IF a.status <> 'ACTIVE' THEN
        RETURN QUERY SELECT 'escrow_state', format('%s is %s; nothing is released from it.', a.account_number,
                                                   lower(a.status)), NULL::uuid;
    END IF;
    IF o.status NOT IN ('OPEN', 'FUNDED') OR o.opened_at IS NULL OR at < o.opened_at THEN
        RETURN QUERY SELECT 'offering_state', format('%s is %s; there is nothing to close.', o.name,
                                                     CASE WHEN at < o.opened_at THEN 'not open yet'
                                                          ELSE lower(o.status) END), NULL::uuid;
    ELSIF at >= o.deadline_at THEN
        RETURN QUERY SELECT 'deadline', format('The raise of %s ended on %s UTC; what was not released by then goes '
            'back to the investors.', o.name, to_char(o.deadline_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')),
            NULL::uuid;
    END IF;
    SELECT CASE WHEN r.result = 'MISMATCHED' THEN r.as_of_date END INTO mismatched
      FROM reconciliations r WHERE r.escrow_account_id = account ORDER BY r.created_at DESC, r.id DESC LIMIT 1;
    IF mismatched IS NOT NULL THEN
        RETURN QUERY SELECT 'books', format('The reconciliation of %s found differences; resolve them and reconcile '
                                            'again.', mismatched), NULL::uuid;
    END IF;
    cutoff := escrow_release_cutoff(o.id, at);
    IF cutoff IS NULL THEN
        RETURN QUERY SELECT 'window', format('Investors may cancel until 48 hours before the deadline, which is %s UTC; '
            'release their money then, or announce an early closing.',
            to_char((o.deadline_at - interval '48 hours') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')), NULL::uuid;
    END IF;

    SELECT coalesce(sum(f.value::numeric), 0) INTO total FROM jsonb_each_text(figures) f;
    IF total = 0 THEN
        RETURN QUERY SELECT 'nothing', 'No investor has cleared money that is committed to this offering.', NULL::uuid;
    ELSE
        total := total + (SELECT coalesce(sum(i.funded_amount), 0) FROM investments i WHERE i.offering_id = o.id);
        IF total < o.minimum_amount THEN
            RETURN QUERY SELECT 'minimum', format('%s has cleared of the %s that %s needs at least.',
                realco_money(total), realco_money(o.minimum_amount), o.name), NULL::uuid;
        END IF;
        IF total > o.maximum_amount THEN
            RETURN QUERY SELECT 'maximum', format('%s would be above the %s that %s may raise.',
                realco_money(total), realco_money(o.maximum_amount), o.name), NULL::uuid;
        END IF;
    END IF;

    RETURN QUERY
    SELECT CASE WHEN f.amount > coalesce(l.balance, 0) THEN 'cleared' ELSE 'committed' END,
           CASE WHEN f.amount > coalesce(l.balance, 0)
                THEN format('%s has %s cleared, less than the %s to be released.', u.full_name,
                            realco_money(coalesce(l.balance, 0)), realco_money(f.amount))
                ELSE format('%s has committed %s in time and not yet released, less than the %s to be released.',
                            u.full_name, realco_money(c.left), realco_money(f.amount)) END,
           f.investor
      FROM (SELECT e.key::uuid AS investor, e.value::numeric AS amount FROM jsonb_each_text(figures) e) f
      JOIN users u ON u.id = f.investor
      LEFT JOIN ledger_accounts l ON l.escrow_account_id = account AND l.kind = 'INVESTOR' AND l.owner_id = f.investor
     CROSS JOIN LATERAL (
           SELECT coalesce((SELECT sum(m.amount) FROM commitments m
                             WHERE m.investment_id = i.id AND m.committed_at <= coalesce(cutoff, 'infinity')), 0)
                  - coalesce(max(i.funded_amount), 0) AS left
             FROM investments i
            WHERE i.offering_id = o.id AND i.investor_id = f.investor AND i.status IN ('PENDING', 'ACTIVE')
            GROUP BY i.id
           UNION ALL SELECT 0 WHERE NOT EXISTS (
                SELECT FROM investments i WHERE i.offering_id = o.id AND i.investor_id = f.investor
                   AND i.status IN ('PENDING', 'ACTIVE'))) c
     WHERE f.amount > coalesce(l.balance, 0) OR f.amount > c.left OR f.amount <= 0;

    RETURN QUERY
    SELECT s.code, s.obstacle, s.person
      FROM compliance_obstacles(ARRAY(SELECT k::uuid FROM jsonb_object_keys(figures) k), at) s;
END $$;

-- Everything that stands against executing a closing at a moment.
CREATE FUNCTION escrow_closing_obstacles(closing uuid, at timestamptz)
RETURNS TABLE (code text, obstacle text, investor uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    c closings;
    signed integer;
    latest timestamptz;
BEGIN
    SELECT * INTO STRICT c FROM closings k WHERE k.id = closing;
    SELECT count(DISTINCT s.approver_id), max(s.signed_at) INTO signed, latest FROM closing_approvals s
     WHERE s.closing_id = closing AND s.content_hash = c.content_hash AND s.approver_id <> c.proposed_by_id;
    IF signed < 2 THEN
        RETURN QUERY SELECT 'signatures', format('Two people who did not propose it have to sign these figures; %s '
            'so far.', CASE signed WHEN 0 THEN 'nobody has' ELSE 'one has' END), NULL::uuid;
    END IF;
    IF at < greatest(c.proposed_at, latest) THEN
        RETURN QUERY SELECT 'moment', 'A closing is executed after it was proposed and signed.', NULL::uuid;
    END IF;
    IF NOT realco_is_about_now(at) THEN
        RETURN QUERY SELECT 'moment', format('%s UTC is not now; a closing is executed when it is executed.',
            to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')), NULL::uuid;
    END IF;
    RETURN QUERY SELECT * FROM escrow_release_obstacles(c.escrow_account_id, c.figures, at);
END $$;

-- What is signed: the figures in canonical JSON, as escrow/operations/closings.py writes them.
CREATE FUNCTION escrow_closing_hash(account uuid, figures jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(
               '{"escrow_account":"' || account || '","figures":{'
               || coalesce((SELECT string_agg('"' || e.key || '":"' || e.value || '"', ',' ORDER BY e.key COLLATE "C")
                              FROM jsonb_each_text(figures) e), '')
               || '}}', 'UTF8')), 'hex')
$$;

CREATE FUNCTION closing_figures_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(NEW.figures) <> 'object' OR EXISTS (
           SELECT FROM jsonb_each(NEW.figures) e
            WHERE e.key !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' OR jsonb_typeof(e.value) <> 'string'
               OR e.value #>> '{}' !~ '^[0-9]{1,16}\.[0-9]{2}$') THEN
        RAISE EXCEPTION 'figures are amounts by investor: {"<id>": "1000.00"}' USING ERRCODE = 'RC006';
    END IF;
    IF NEW.total_amount <> (SELECT coalesce(sum(e.value::numeric), 0) FROM jsonb_each_text(NEW.figures) e) THEN
        RAISE EXCEPTION 'the total of a closing is the sum of its figures' USING ERRCODE = 'RC006';
    END IF;
    IF NEW.content_hash <> escrow_closing_hash(NEW.escrow_account_id, NEW.figures) THEN
        RAISE EXCEPTION 'the hash is not that of the figures' USING ERRCODE = 'RC006';
    END IF;
    IF NOT realco_is_about_now(NEW.proposed_at) THEN
        RAISE EXCEPTION 'a closing is proposed now, not at %', NEW.proposed_at USING ERRCODE = 'RC006';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION closing_signature_counts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c closings;
BEGIN
    SELECT * INTO STRICT c FROM closings k WHERE k.id = NEW.closing_id FOR NO KEY UPDATE;
    IF c.status <> 'PROPOSED' THEN
        RAISE EXCEPTION 'this closing is %; nobody signs it any more', lower(c.status) USING ERRCODE = 'RC006';
    ELSIF NEW.approver_id = c.proposed_by_id THEN
        RAISE EXCEPTION 'whoever proposed a closing does not sign it' USING ERRCODE = 'RC006';
    ELSIF NEW.content_hash <> c.content_hash THEN
        RAISE EXCEPTION 'the signature is over other figures' USING ERRCODE = 'RC006';
    ELSIF NEW.signed_at < c.proposed_at OR NOT realco_is_about_now(NEW.signed_at) THEN
        RAISE EXCEPTION 'a closing is signed now, after it was proposed' USING ERRCODE = 'RC006';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION closing_passes_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found_obstacles text;
BEGIN
    IF NEW.status <> 'EXECUTED' OR OLD.status = 'EXECUTED' THEN
        RETURN NULL;
    END IF;
    PERFORM FROM escrow_accounts a WHERE a.id = NEW.escrow_account_id FOR NO KEY UPDATE;
    PERFORM FROM offerings o JOIN escrow_accounts a ON a.offering_id = o.id
      WHERE a.id = NEW.escrow_account_id FOR NO KEY UPDATE OF o;
    SELECT string_agg(b.obstacle, ' ') INTO found_obstacles
      FROM escrow_closing_obstacles(NEW.id, NEW.executed_at) b;
    IF found_obstacles IS NULL AND NOT EXISTS (SELECT FROM closing_approvals s
           WHERE s.closing_id = NEW.id AND s.approver_id = NEW.approved_by_id) THEN
        found_obstacles := 'Whoever executes it has signed it.';
    END IF;
    IF found_obstacles IS NOT NULL THEN
        RAISE EXCEPTION 'closing % cannot be executed: %', NEW.id, found_obstacles
            USING ERRCODE = 'RC006', DETAIL = found_obstacles;
    END IF;
    RETURN NULL;
END $$;

-- An executed closing has released each of its figures, into an investment. That each release is what its closing says, and there is one
-- for each reference, ledger_custody and the unique reference see to. Checked at commit.
CREATE FUNCTION closing_releases_its_figures() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
BEGIN
    IF NEW.status = 'EXECUTED' AND (TG_OP = 'INSERT' OR OLD.status <> 'EXECUTED') THEN
        SELECT k INTO missing FROM jsonb_object_keys(NEW.figures) k
         WHERE NOT EXISTS (SELECT FROM journal_entries j
                            WHERE j.reference = 'closing:' || NEW.id || ':' || k AND j.event = 'RELEASE')
         LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'closing % is executed, but has not released the money of %', NEW.id, missing
                USING ERRCODE = 'RC006';
        END IF;
        SELECT e.key INTO missing FROM jsonb_each_text(NEW.figures) e
         WHERE NOT EXISTS (SELECT FROM investments i JOIN escrow_accounts a ON a.offering_id = i.offering_id
                            WHERE a.id = NEW.escrow_account_id AND i.investor_id = e.key::uuid
                              AND i.status IN ('ACTIVE', 'COMPLETED') AND i.funded_amount >= e.value::numeric)
         LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'closing % released the money of %, but no investment has it', NEW.id, missing
                USING ERRCODE = 'RC006';
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- 17 CFR 227.304(b): open for 21 days, announced five business days ahead, before the deadline.
CREATE FUNCTION early_closing_is_announced_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    o offerings;
    local timestamp := NEW.notice_at AT TIME ZONE 'America/New_York';
BEGIN
    SELECT f.* INTO STRICT o FROM offerings f JOIN escrow_accounts a ON a.offering_id = f.id
     WHERE a.id = NEW.escrow_account_id;
    IF o.exemption <> 'REG_CF' OR o.status NOT IN ('OPEN', 'FUNDED') OR NEW.notice_at < o.opened_at THEN
        RAISE EXCEPTION 'only a raise under Regulation CF that is open closes early by notice' USING ERRCODE = 'RC006';
    ELSIF NOT realco_is_about_now(NEW.notice_at) THEN
        RAISE EXCEPTION 'a notice is given now, not at %', NEW.notice_at USING ERRCODE = 'RC006';
    ELSIF NEW.closes_at < o.opened_at + interval '504 hours' THEN
        RAISE EXCEPTION 'an offering is open for 21 days before it closes early' USING ERRCODE = 'RC006';
    ELSIF NEW.closes_at < (realco_add_business_days(local::date, 5) + local::time) AT TIME ZONE 'America/New_York' THEN
        RAISE EXCEPTION 'an early closing is announced five business days ahead' USING ERRCODE = 'RC006';
    ELSIF NEW.closes_at >= o.deadline_at THEN
        RAISE EXCEPTION 'an early closing is before the deadline' USING ERRCODE = 'RC006';
    END IF;
    RETURN NEW;
END $$;
