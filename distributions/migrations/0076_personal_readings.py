"""Write down who among staff has had a person's pages, statements and write-offs."""

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import realco.identifiers
from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0075_move_back_between_open_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.CreateModel(
            name="PersonalReading",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("DISTRIBUTIONS", "A person’s distributions"),
                            ("QUARTER_STATEMENT", "The statement of a quarter"),
                            ("WAITING", "Who waits or was not paid, and why"),
                            ("WRITE_OFF", "A write-off"),
                            ("WRITE_OFFS", "The list of write-offs"),
                        ],
                        max_length=20,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=100)),
                ("content_hash", models.CharField(blank=True, default="", max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "read_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="readings_of_them",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "personal_readings",
                "ordering": ("-created_at", "-id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["DISTRIBUTIONS", "QUARTER_STATEMENT", "WAITING", "WRITE_OFF", "WRITE_OFFS"])
                        ),
                        name="personal_readings_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind", "WRITE_OFFS"), ("subject__isnull", False), _connector="OR"),
                        name="personal_readings_are_of_somebody",
                    ),
                ],
            },
        ),
        guards.AddGuard(
            model_name="personalreading",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="c7375b4b0bd19768659fbfebc74d6bb5d88dc51c",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_2a202",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="personal_readings",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="personalreading",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="795288fae86a82d5f18e6a0cfd912c036390d3a2",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_741b4",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="personal_readings",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="personalreading",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="b4451b2f17b32977e2aa089d7d6ab3d89d35776e",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_771ac",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="personal_readings",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="personalreading",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="2e17d234418807d33c4326f7a8cd4b4b302f6483",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_31f04",
                    table="personal_readings",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="personalreading",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="381b585dbeb28ac0f880baecdb6f0d9ad33d027c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_d7789",
                    table="personal_readings",
                    when="BEFORE",
                ),
            ),
        ),
    ]
