"""Layouts of banks' CSV files."""

import django.db.models.deletion
import django.utils.timezone
import realco.identifiers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("escrow", "0015_custody_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="BankFileLayout",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("version", models.PositiveIntegerField()),
                ("bank_name", models.CharField(max_length=100)),
                ("contents", models.JSONField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "bank_file_layouts",
                "ordering": ("name", "-version"),
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="bank_file_layouts_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("version__gte", 1),
                            models.Q(("name", ""), _negated=True),
                            models.Q(("bank_name", ""), _negated=True),
                        ),
                        name="bank_file_layouts_named",
                    ),
                ],
            },
        ),
    ]
