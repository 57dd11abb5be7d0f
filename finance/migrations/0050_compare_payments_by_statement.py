"""
Whom and what a payment names is looked up for a statement's rows together, not by eight foreign keys for each of them.

Two indexes go that only a search for the beginning of a key would use, which nobody asks for.
"""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

from realco import guards

HERE = Path(__file__).parent
NAME = "0050_compare_payments_by_statement"
INDEXES = {
    "transactions_stripe_payment_intent_id_ba964a06_like": "stripe_payment_intent_id",
    "transactions_idempotency_key_47231c55_like": "idempotency_key",
}
KEYS = {
    "transactions_distribution_id_bba8434f_fk_distributions_id": ("distribution_id", "distributions"),
    "transactions_escrow_account_id_6b35c74a_fk_escrow_accounts_id": ("escrow_account_id", "escrow_accounts"),
    "transactions_from_bank_account_id_0388b219_fk_bank_accounts_id": ("from_bank_account_id", "bank_accounts"),
    "transactions_from_user_id_7784f2b8_fk_users_id": ("from_user_id", "users"),
    "transactions_initiated_by_id_14ed64d6_fk_users_id": ("initiated_by_id", "users"),
    "transactions_offering_id_fe7c2c6b_fk_offerings_id": ("offering_id", "offerings"),
    "transactions_to_bank_account_id_8721f187_fk_bank_accounts_id": ("to_bank_account_id", "bank_accounts"),
    "transactions_to_user_id_2645ebe8_fk_users_id": ("to_user_id", "users"),
}
LEAVE = f"""
ALTER TABLE transactions {", ".join(f"DROP CONSTRAINT {name}" for name in KEYS)};
DROP INDEX {", ".join(INDEXES)};
"""
TAKE_BACK = "".join(
    f"CREATE INDEX {name} ON transactions ({column} varchar_pattern_ops);\n" for name, column in INDEXES.items()
) + "".join(
    f"ALTER TABLE transactions ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {table} (id)"
    " DEFERRABLE INITIALLY DEFERRED;\n"
    for name, (column, table) in KEYS.items()
)


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0080_keep_the_id_of_a_distribution"),
        ("escrow", "0087_guard_halves"),
        ("finance", "0042_guard_halves"),
        ("realco", "0023_keep_the_id_of_an_offering"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"), "DROP FUNCTION finance_payments_name_what_is_there()"
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(LEAVE, TAKE_BACK)],
            state_operations=[
                migrations.AlterField(
                    model_name="transaction",
                    name="distribution",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="distributions.distribution",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="escrow_account",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="escrow.escrowaccount",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="from_bank_account",
                    field=models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="finance.bankaccount",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="from_user",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments_from",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="initiated_by",
                    field=models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="offering",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="realco.offering",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="to_bank_account",
                    field=models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="finance.bankaccount",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="to_user",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments_to",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        guards.AddGuard(
            model_name="bankaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="keeps_its_id",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id')",
                    func="RETURN NULL;",
                    hash="5bd89de263044368da19fc584e3c0ecb266806ef",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_keeps_its_id_73870",
                    table="bank_accounts",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="names_what_is_there",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_payments_name_what_is_there()",
                    func="RETURN NULL;",
                    hash="0ea8d1a5e154174aab79389db319cd1ddeac50bc",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_names_what_is_there_e03d7",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="transactions",
                    when="AFTER",
                ),
            ),
        ),
    ]
