"""When a webhook is tried again, ours and the sandbox bank's, and what its network has swallowed."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0004_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="SandboxLostRequest",
            fields=[
                ("idempotency_key", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "sandbox_lost_requests",
            },
        ),
        migrations.AddField(
            model_name="sandboxdelivery",
            name="next_attempt_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name="transactionwebhook",
            name="next_attempt_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
    ]
