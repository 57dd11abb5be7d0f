"""The fate of a sandbox transfer, decided when the bank takes it on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0005_wait_before_the_next_attempt"),
    ]

    operations = [
        migrations.AddField(
            model_name="sandboxtransfer",
            name="return_date",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="sandboxtransfer",
            name="settled_date",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="sandboxtransfer",
            name="tells_return_first",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="sandboxtransfer",
            name="webhook_copies",
            field=models.PositiveSmallIntegerField(default=1),
        ),
    ]
