"""Four eyes on distributions: who may sign, and that nothing is approved or paid without the signatures."""

from django.db import migrations

CREATE = """
CREATE FUNCTION distributions_approver_is_another() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION distributions_are_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status IN ('APPROVED', 'QUEUED') AND NEW.status <> OLD.status
       AND (SELECT count(DISTINCT approver_id) FROM distribution_approvals
             WHERE distribution_id = NEW.id AND content_hash = NEW.content_hash)
           < (CASE WHEN NEW.total_amount > 50000 THEN 2 ELSE 1 END) THEN
        RAISE EXCEPTION '% lacks the signatures it needs', NEW.distribution_number
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
DROP = "DROP FUNCTION distributions_are_approved(); DROP FUNCTION distributions_approver_is_another();"


class Migration(migrations.Migration):
    dependencies = [("distributions", "0002_links"), ("realco", "0002_guards")]
    operations = [migrations.RunSQL(CREATE, DROP)]
