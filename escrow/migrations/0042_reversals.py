"""Journal reversals."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
import realco.identifiers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("escrow", "0041_proof_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="JournalReversal",
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
                        choices=[("PROPOSED", "Proposed"), ("EXECUTED", "Executed"), ("REJECTED", "Rejected")],
                        default="PROPOSED",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("proposed_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(null=True)),
                ("rejected_at", models.DateTimeField(null=True)),
                ("rejected_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "journal_entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reversals", to="escrow.journalentry"
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "rejected_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "journal_reversals",
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("propose_journalreversal", "Can propose the reversal of a journal entry"),
                    ("approve_journalreversal", "Can approve the reversal of a journal entry"),
                ),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["PROPOSED", "EXECUTED", "REJECTED"])),
                        name="journal_reversals_status_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "REJECTED"), _negated=True),
                        fields=("journal_entry",),
                        name="journal_reversals_one_living",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="journal_reversals_say_why"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="journal_reversals_four_eyes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("approved_at__isnull", False), ("approved_by__isnull", False), ("status", "EXECUTED")
                            ),
                            models.Q(
                                models.Q(("status", "EXECUTED"), _negated=True),
                                ("approved_at__isnull", True),
                                ("approved_by__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="journal_reversals_executed_is_approved",
                    ),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
    ]
