"""
Audit events at half the price: the people they name are looked up once for a statement instead of by a foreign key for
each row, which takes that people are never deleted; and nothing is compressed or taken apart that need not be.
"""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

from realco import guards

HERE = Path(__file__).parent
NAME = "0022_tell_events_at_less_cost"


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0021_keep_indexes_that_are_used"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.AlterField(
            model_name="auditevent",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        guards.AddGuard(
            model_name="auditevent",
            trigger=pgtrigger.compiler.Trigger(
                name="name_people",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_events_name_people()",
                    func="RETURN NULL;",
                    hash="6d26cddf2e171427d42408d36d08987a1710dd3f",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_name_people_7a604",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="audit_events",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="663e3d8a5f161c6e85d091359aa9738aec6e9356",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_fb984",
                    table="users",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="5e5280134e633cc8ac542b190ddf4cd95c6abb99",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_4e290",
                    table="users",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="keeps_its_id",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id')",
                    func="RETURN NULL;",
                    hash="a0ad714ff9b6ac522124d289f65927cd8e91fe01",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_keeps_its_id_f68f2",
                    table="users",
                    when="BEFORE",
                ),
            ),
        ),
    ]
