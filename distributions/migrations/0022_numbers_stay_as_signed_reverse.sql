CREATE OR REPLACE FUNCTION distributions_approver_is_another() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    signed distributions%ROWTYPE;
BEGIN
    SELECT * INTO signed FROM distributions WHERE id = NEW.distribution_id;
    IF signed.created_by_id = NEW.approver_id THEN
        RAISE EXCEPTION 'distribution_approvals: nobody approves the distribution they created'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF signed.status <> 'PENDING_APPROVAL' OR signed.content_hash <> NEW.content_hash THEN
        RAISE EXCEPTION 'distribution_approvals: % is not waiting for a signature under these numbers',
            signed.distribution_number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

DROP FUNCTION distributions_stay_as_submitted();
DROP FUNCTION distributions_allocation_is_drawn_up();
