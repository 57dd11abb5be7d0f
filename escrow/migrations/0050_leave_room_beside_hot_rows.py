"""
Room on the page for the next version of a balance, and an eye on what the old ones leave behind.

A posting writes a new version of its escrow account's row and of each ledger account's. On a page with room the
new version goes beside the old one and touches no index (a HOT update), and the next visitor clears the old one
away. On a full page it moves, and every index with it. Setting this takes a lock that no posting waits for.
"""

from django.db import migrations

TABLES = ("ledger_accounts", "escrow_accounts")
ROOM = "fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02"
SOON = "autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 5000"
NAMES = "fillfactor, autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay"


class Migration(migrations.Migration):
    dependencies = [("escrow", "0045_entries_by_day")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET ({ROOM}, {SOON})",
            f"ALTER TABLE {table} RESET ({NAMES}, autovacuum_analyze_threshold)",
        )
        for table in TABLES
    ]
