"""Who took investors' figures for tax forms, of which year, and with which tax ids."""

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import realco.identifiers
from realco import guards
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0042_guard_calls_and_transfers"),
        ("realco", "0021_keep_indexes_that_are_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TaxExport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("year", models.PositiveSmallIntegerField()),
                ("row_count", models.PositiveIntegerField()),
                ("shows_tax_ids", models.BooleanField()),
                ("content_hash", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "exported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tax_exports", to="realco.offering"
                    ),
                ),
            ],
            options={
                "db_table": "tax_exports",
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("create_taxexport", "Can export investors' figures for tax forms"),
                    ("show_taxids", "Can have tax ids whole in that export"),
                ),
            },
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="taxexport",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="52d7e54cbf76712ddd4e7a28eba95ff0a30cead2",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_99eba",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="tax_exports",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="taxexport",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="347c007a8fc436d54464c88a2285cdf58b65c0fe",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_8117a",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="tax_exports",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="taxexport",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="50e4ee420bb00723f46d94b3f9bdd84adb488a9c",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_0b319",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="tax_exports",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="taxexport",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="b4deb2d108638c7568efac3dc3a493e5f29b2c90",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_95409",
                    table="tax_exports",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="taxexport",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="bb894de1c7dbdf99038c2ff35c29b9470c0cbb67",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_a317c",
                    table="tax_exports",
                    when="BEFORE",
                ),
            ),
        ),
    ]
