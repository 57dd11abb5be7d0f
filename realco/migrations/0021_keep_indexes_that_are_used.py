"""
Drop indexes that every insert paid for and no query needed: those that another index begins with, and those
of nulls. The fields keep their foreign keys, which altering them would have dropped and checked again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INDEXES = (("audit_events", "user_id", "c7715f55"),)


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0020_let_a_raise_fail"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="auditevent",
                    name="user",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX {table}_{column}_{digest}",
                    f"CREATE INDEX {table}_{column}_{digest} ON {table} ({column})",
                )
                for table, column, digest in INDEXES
            ],
        ),
    ]
