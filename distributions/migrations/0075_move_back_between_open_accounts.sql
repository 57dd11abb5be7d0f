-- A reinvestment is moved back only between accounts that are not closed, and neither is closed before that is written.
CREATE FUNCTION reinvestment_reverses_between_open_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account record;
BEGIN
    FOR account IN
        SELECT e.account_number, e.status
          FROM escrow_accounts e
         WHERE e.id IN (SELECT t.escrow_account_id FROM transactions t
                         WHERE t.id = NEW.outbound_id OR t.counterpart_id = NEW.outbound_id)
         ORDER BY e.id
           FOR SHARE
    LOOP
        IF account.status = 'CLOSED' THEN
            RAISE EXCEPTION 'nothing is moved back between accounts of which % is closed', account.account_number
                USING ERRCODE = 'RC014';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
