"""A statement names the format of its file, BAI2 until now, and the layout a CSV file was read by."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0021_guard_layouts_of_bank_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankstatement",
            name="file_format",
            field=models.CharField(
                choices=[("BAI2", "BAI2"), ("OFX", "OFX"), ("MT940", "MT940"), ("CAMT053", "camt.053"), ("CSV", "CSV")],
                default="BAI2",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="bankstatement",
            name="layout",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="statements",
                to="escrow.bankfilelayout",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_format__in", ["BAI2", "OFX", "MT940", "CAMT053", "CSV"])),
                name="bank_statements_file_format_known",
            ),
        ),
    ]
