"""
Foreign keys of ledger entries are compared by their statement's trigger, not row by row at commit.

``ledger_entries_follow`` refuses an entry whose journal entry or ledger account does not exist or which says
anything else than its journal entry; ``ledger_event_is_allowed`` does the same for the payment. What they refer
to is never deleted and keeps its id, so that nothing is left for a constraint to find. See ADR 20 for the figures.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0006_let_an_unpayable_allocation_fail"),
        ("escrow", "0006_lines_fit_their_event"),
        ("finance", "0007_keep_the_id_of_a_payment"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.AlterField(
            model_name="escrowledgerentry",
            name="created_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="escrowledgerentry",
            name="distribution",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_entries",
                to="distributions.distribution",
            ),
        ),
        migrations.AlterField(
            model_name="escrowledgerentry",
            name="escrow_account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_entries",
                to="escrow.escrowaccount",
            ),
        ),
        migrations.AlterField(
            model_name="escrowledgerentry",
            name="journal_entry",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="escrow.journalentry",
            ),
        ),
        migrations.AlterField(
            model_name="escrowledgerentry",
            name="ledger_account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="escrow.ledgeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="escrowledgerentry",
            name="transaction",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_entries",
                to="finance.transaction",
            ),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="escrow_account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="journal_entries",
                to="escrow.escrowaccount",
            ),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="transaction",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="journal_entries",
                to="finance.transaction",
            ),
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="ledgeraccount",
            name="immutable",
        ),
        guards.AddGuard(
            model_name="escrowaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="keeps_its_id",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id')",
                    func="RETURN NULL;",
                    hash="c09034d07cc5e6b40d37c40bf1d89e8e2425926f",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_keeps_its_id_e8dc7",
                    table="escrow_accounts",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id', 'escrow_account_id', 'kind', 'owner_id', 'currency', 'created_at')",
                    func="RETURN NULL;",
                    hash="296120a319f24a0d6ff69d52725b491f5ca21892",
                    operation='UPDATE OF "id", "escrow_account_id", "kind", "owner_id", "currency", "created_at"',
                    pgid="pgtrigger_immutable_a65c1",
                    table="ledger_accounts",
                    when="BEFORE",
                ),
            ),
        ),
    ]
