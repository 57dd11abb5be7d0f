-- A payment begins INITIATED. One of a distribution or a refund run, whose figures people have signed, may begin QUEUED:
-- screened, and with its money reserved. That it has its approvals is a CHECK of the table, whatever it begins as.
CREATE FUNCTION finance_payment_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'INITIATED'
       OR NEW.status = 'QUEUED' AND NEW.is_reserved AND NEW.compliance_check_passed
          AND (NEW.type = 'DISTRIBUTION' AND NEW.distribution_id IS NOT NULL
               OR NEW.type = 'REFUND' AND NEW.refund_item_id IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% rows begin as INITIATED, not as %', TG_TABLE_NAME, NEW.status USING ERRCODE = 'restrict_violation';
END $$;
