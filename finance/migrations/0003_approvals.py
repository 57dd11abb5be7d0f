"""The rule that the number of approvals a payment needs only rises."""

from django.db import migrations

CREATE = """
CREATE FUNCTION finance_approvals_only_rise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.approvals_required < OLD.approvals_required THEN
        RAISE EXCEPTION 'transactions.approvals_required only rises' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0002_links"), ("realco", "0002_guards")]
    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION finance_approvals_only_rise();")]
