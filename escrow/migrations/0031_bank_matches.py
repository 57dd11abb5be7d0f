"""Tables of bank matches, their lines and entries, and of what people propose about bank lines."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
from django.conf import settings
from django.db import migrations, models

import realco.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0022_let_statements_name_their_format"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BankMatch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("REFERENCE", "By reference"),
                            ("AMOUNT", "By amount and day"),
                            ("MANY_TO_ONE", "Several lines, one entry"),
                            ("ONE_TO_MANY", "One line, several entries"),
                            ("OFFSET", "An entry and its reversal"),
                            ("MANUAL", "By a person"),
                            ("RECEIPT", "Unknown receipt"),
                            ("BANK_FEE", "Bank fee"),
                            ("REVERSAL", "Undone"),
                        ],
                        max_length=20,
                    ),
                ),
                ("confidence", models.DecimalField(decimal_places=3, max_digits=4)),
                ("reason", models.CharField(max_length=300)),
                ("line_count", models.PositiveIntegerField()),
                ("entry_count", models.PositiveIntegerField()),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                    "escrow_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_matches",
                        to="escrow.escrowaccount",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="escrow.bankmatch",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "bank matches",
                "db_table": "bank_matches",
                "ordering": ("-made_at", "-id"),
                "indexes": [
                    models.Index(fields=["escrow_account", "-made_at", "-id"], name="bank_matches_latest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "method__in",
                                [
                                    "REFERENCE",
                                    "AMOUNT",
                                    "MANY_TO_ONE",
                                    "ONE_TO_MANY",
                                    "OFFSET",
                                    "MANUAL",
                                    "RECEIPT",
                                    "BANK_FEE",
                                    "REVERSAL",
                                ],
                            )
                        ),
                        name="bank_matches_method_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("confidence__gte", 0), ("confidence__lte", 1)),
                        name="bank_matches_confidence_is_a_fraction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="bank_matches_say_why"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("entry_count", 0),
                                ("line_count", 0),
                                ("method", "REVERSAL"),
                                ("reverses__isnull", False),
                            ),
                            models.Q(
                                models.Q(("method", "REVERSAL"), _negated=True),
                                ("entry_count__gte", 1),
                                ("line_count__gte", 1),
                                ("reverses__isnull", True),
                            ),
                            models.Q(
                                ("entry_count__gte", 2),
                                ("line_count", 0),
                                ("method__in", ["OFFSET", "MANUAL"]),
                                ("reverses__isnull", True),
                            ),
                            models.Q(
                                ("entry_count", 0),
                                ("line_count__gte", 2),
                                ("method", "MANUAL"),
                                ("reverses__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="bank_matches_parts_fit_method",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(
                                ("made_by__isnull", False),
                                models.Q(("approved_by", models.F("made_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="bank_matches_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("made_by__isnull", False),
                            models.Q(("method__in", ["MANUAL", "RECEIPT", "BANK_FEE", "REVERSAL"]), _negated=True),
                            _connector="OR",
                        ),
                        name="bank_matches_made_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankMatchEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("is_living", models.BooleanField(default=True)),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="match_entries",
                        to="escrow.escrowledgerentry",
                    ),
                ),
                (
                    "match",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="match_entries", to="escrow.bankmatch"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "bank match entries",
                "db_table": "bank_match_entries",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(fields=("match", "entry"), name="bank_match_entries_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_living", True)), fields=("entry",), name="bank_match_entries_one_living"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankMatchLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("is_living", models.BooleanField(default=True)),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="match_lines",
                        to="escrow.bankstatementline",
                    ),
                ),
                (
                    "match",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="match_lines", to="escrow.bankmatch"
                    ),
                ),
            ],
            options={
                "db_table": "bank_match_lines",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(fields=("match", "line"), name="bank_match_lines_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_living", True)), fields=("line",), name="bank_match_lines_one_living"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankProposal",
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
                            ("BANK_FEE", "Write off as bank fee"),
                            ("RECEIPT_CLAIM", "Give a receipt to an investor"),
                            ("MANUAL_MATCH", "Match by hand"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("PROPOSED", "Proposed"), ("APPROVED", "Approved"), ("REJECTED", "Rejected")],
                        default="PROPOSED",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("source", models.CharField(blank=True, default="", max_length=20)),
                ("line_ids", models.JSONField(default=list)),
                ("entry_ids", models.JSONField(default=list)),
                ("reason", models.CharField(max_length=300)),
                ("proposed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_reason", models.CharField(blank=True, default="", max_length=300)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "escrow_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_proposals",
                        to="escrow.escrowaccount",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "journal_entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_proposal",
                        to="escrow.journalentry",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="escrow.bankstatementline",
                    ),
                ),
                (
                    "match",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposal",
                        to="escrow.bankmatch",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "bank_proposals",
                "ordering": ("-proposed_at", "-id"),
                "permissions": (("approve_bankproposal", "Can sign what another person proposes about bank lines"),),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "PROPOSED")),
                        fields=["proposed_at"],
                        name="bank_proposals_waiting",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["BANK_FEE", "RECEIPT_CLAIM", "MANUAL_MATCH"])),
                        name="bank_proposals_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["PROPOSED", "APPROVED", "REJECTED"])),
                        name="bank_proposals_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 0)), name="bank_proposals_amount_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="bank_proposals_say_why"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by__isnull", True),
                            models.Q(("status", "APPROVED"), _negated=True),
                            models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="bank_proposals_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True), ("decided_by__isnull", True), ("status", "PROPOSED")
                            ),
                            models.Q(
                                models.Q(("status", "PROPOSED"), _negated=True),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="bank_proposals_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("investor__isnull", True),
                                ("kind", "BANK_FEE"),
                                ("line__isnull", False),
                                ("source__in", ["FEES", "OFFERING"]),
                            ),
                            models.Q(
                                ("investor__isnull", False),
                                ("kind", "RECEIPT_CLAIM"),
                                ("line__isnull", False),
                                ("source", ""),
                            ),
                            models.Q(
                                ("investor__isnull", True),
                                ("kind", "MANUAL_MATCH"),
                                ("line__isnull", True),
                                ("source", ""),
                            ),
                            _connector="OR",
                        ),
                        name="bank_proposals_fit_kind",
                    ),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
    ]
