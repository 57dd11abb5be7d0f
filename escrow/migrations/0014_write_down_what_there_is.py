"""One open hold for each balance that is held already, and one commitment for each investment."""

from django.db import migrations

FORWARDS = """
    INSERT INTO holds (id, escrow_account_id, investor_id, amount, released_amount, status, reason, reference,
                       placed_at, created_at)
    SELECT realco_uuid7(), escrow_account_id, owner_id, balance, 0, 'OPEN', 'Held before holds had rows of their own',
           'held:' || id, clock_timestamp(), clock_timestamp()
      FROM ledger_accounts WHERE kind = 'HELD' AND balance > 0 AND owner_id IS NOT NULL;
    UPDATE investments SET committed_at = created_at WHERE committed_at IS NULL;
    INSERT INTO commitments (id, investment_id, amount, committed_at, created_at)
    SELECT realco_uuid7(), id, investment_amount, created_at, clock_timestamp() FROM investments;
    SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("escrow", "0013_commitments")]
    operations = [migrations.RunSQL(FORWARDS, "DELETE FROM commitments; DELETE FROM holds")]
