"""Write-offs: an allocation that nobody can be paid is ended by two people, and says when."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
import realco.identifiers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0050_keys_of_capital_calls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AllocationWriteOff",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("PROPOSED", "Proposed"), ("EXECUTED", "Written off"), ("WITHDRAWN", "Withdrawn")],
                        default="PROPOSED",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("reason", models.CharField(max_length=300)),
                ("keeps_deductions", models.BooleanField(db_default=False, default=False)),
                ("executed_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": "allocation_write_offs",
                "ordering": ("-created_at", "-id"),
                "verbose_name": "write-off",
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="written_off_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="distributionallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("written_off_at__isnull", True), ("status", "CANCELLED"), _connector="OR"),
                name="allocations_written_off_are_cancelled",
            ),
        ),
        migrations.AddField(
            model_name="allocationwriteoff",
            name="allocation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="write_offs",
                to="distributions.distributionallocation",
            ),
        ),
        migrations.AddField(
            model_name="allocationwriteoff",
            name="approved_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="allocationwriteoff",
            name="proposed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="allocationwriteoff",
            name="withdrawn_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationwriteoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["PROPOSED", "EXECUTED", "WITHDRAWN"])),
                name="allocation_write_offs_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationwriteoff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "WITHDRAWN"), _negated=True),
                fields=("allocation",),
                name="allocation_write_offs_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationwriteoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), models.Q(("reason", ""), _negated=True)),
                name="allocation_write_offs_say_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationwriteoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="allocation_write_offs_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationwriteoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_by__isnull", False), ("executed_at__isnull", False), ("status", "EXECUTED")),
                    models.Q(
                        models.Q(("status", "EXECUTED"), _negated=True),
                        ("approved_by__isnull", True),
                        ("executed_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="allocation_write_offs_executed_is_approved",
            ),
        ),
    ]
