"""Receipts of allocations: the whole of a submission, and what each payee adds to it, append-only."""

import django.db.models.deletion
import pgtrigger.compiler
from django.db import migrations, models

import realco.identifiers
from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0002_guards"),
        ("distributions", "0011_terms_stand"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReceiptWhole",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt_wholes",
                        to="distributions.distribution",
                    ),
                ),
            ],
            options={
                "db_table": "distribution_receipt_wholes",
                "ordering": ("distribution", "created_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                (
                    "allocation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="distributions.distributionallocation",
                    ),
                ),
                (
                    "whole",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="distributions.receiptwhole",
                    ),
                ),
            ],
            options={
                "db_table": "distribution_receipts",
                "ordering": ("allocation", "created_at", "id"),
            },
        ),
        guards.AddGuard(
            model_name="receiptwhole",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('content')",
                    func="RETURN NULL;",
                    hash="1b5beb9fcdf9a49551333f4a6be14b33f2ec0913",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_933f1",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="distribution_receipt_wholes",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receiptwhole",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('content')",
                    func="RETURN NULL;",
                    hash="8cad46dae285e5acf14cb3c7521e9b5c9845f640",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_ee393",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="distribution_receipt_wholes",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receiptwhole",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('content')",
                    func="RETURN NULL;",
                    hash="7b854e5707d81f9461ae49d77d60975112c58efa",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_9ee4a",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="distribution_receipt_wholes",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receiptwhole",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="0c0251b57b0c7e9944cc444f8123eeab553eff7c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_cb4be",
                    table="distribution_receipt_wholes",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receiptwhole",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="e6a35f74af90d75db4a0ea95c01ed9ba50cba819",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_fa47d",
                    table="distribution_receipt_wholes",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(fields=("allocation", "whole"), name="distribution_receipts_once"),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="distribution_receipts_hash_form"
            ),
        ),
        guards.AddGuard(
            model_name="receipt",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('content')",
                    func="RETURN NULL;",
                    hash="36fbd7c3fff7ca3995392cea7982265837492bf3",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_931f7",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="distribution_receipts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receipt",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('content')",
                    func="RETURN NULL;",
                    hash="15f18a5cc4cd747fd67ccab34aa1a69956a12ff2",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_f8809",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="distribution_receipts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receipt",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('content')",
                    func="RETURN NULL;",
                    hash="9a525511f774d69a91f48139930b507a2c592ca4",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_58c21",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="distribution_receipts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receipt",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="0e0509e562ba8650ebedec2a39ddb0cfd77cda47",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5dc22",
                    table="distribution_receipts",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="receipt",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="446f6aa8577eb5f0bc2b182541d9ac645dd57f01",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_40496",
                    table="distribution_receipts",
                    when="BEFORE",
                ),
            ),
        ),
    ]
