"""
Drop indexes that every insert paid for and no query needed: those that another index begins with, and those
of nulls. The fields keep their foreign keys, which altering them would have dropped and checked again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


INDEXES = (
    ("compliance_checks", "matched_party_id", "05589fff"),
    ("compliance_checks", "reviewed_by_id", "140a4063"),
    ("compliance_checks", "subject_id", "4afa3e3d"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0010_standing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="compliancecheck",
            index=models.Index(
                condition=models.Q(("matched_party__isnull", False)),
                fields=["matched_party"],
                name="compliance_checks_party",
            ),
        ),
        migrations.AddIndex(
            model_name="compliancecheck",
            index=models.Index(
                condition=models.Q(("reviewed_by__isnull", False)),
                fields=["reviewed_by"],
                name="compliance_checks_reviewer",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="compliancecheck",
                    name="matched_party",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="matches",
                        to="compliance.sanctionedparty",
                    ),
                ),
                migrations.AlterField(
                    model_name="compliancecheck",
                    name="reviewed_by",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="compliancecheck",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="compliance_checks",
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
