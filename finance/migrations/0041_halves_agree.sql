-- Two payments that are the halves of one movement between our own escrow accounts: one takes an investor's part of a
-- distribution out of one account, the other pays the same into another for the same investor. At every commit both
-- name one another and are in one status, so neither is ever done, reversed or given up without the other (RC014).
CREATE FUNCTION finance_counterparts_agree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    this transactions;
    other transactions;
    fault text;
BEGIN
    SELECT * INTO STRICT this FROM transactions WHERE id = NEW.id;
    SELECT * INTO other FROM transactions WHERE id = this.counterpart_id;
    IF this.type = 'DISTRIBUTION' THEN
        fault := finance_fault_of_halves(this, other);
    ELSE
        fault := finance_fault_of_halves(other, this);
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'payment % and its counterpart %', this.id, fault USING ERRCODE = 'RC014';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION finance_fault_of_halves(leaving transactions, coming transactions) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN leaving.counterpart_id IS DISTINCT FROM coming.id OR coming.counterpart_id IS DISTINCT FROM leaving.id
        THEN 'do not name one another'
        WHEN leaving.type IS DISTINCT FROM 'DISTRIBUTION' OR coming.type IS DISTINCT FROM 'DEPOSIT'
             OR leaving.distribution_id IS NULL
        THEN 'are not a distribution and a deposit'
        WHEN leaving.to_user_id IS DISTINCT FROM coming.from_user_id THEN 'are not the same investor''s'
        WHEN (leaving.amount, leaving.net_amount, leaving.currency)
             IS DISTINCT FROM (coming.amount, coming.net_amount, coming.currency)
        THEN 'are not of the same amount and currency'
        WHEN leaving.escrow_account_id = coming.escrow_account_id THEN 'are of one escrow account'
        WHEN leaving.status <> coming.status THEN format('are %s and %s', leaving.status, coming.status) END
$$;
