"""Funds: which offerings of a sponsor are measured together for its clawback, and by which terms."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
import realco.identifiers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0062_write_off_only_what_has_not_arrived"),
        ("realco", "0021_keep_indexes_that_are_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FundArrangement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("version", models.PositiveSmallIntegerField()),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[
                            ("DRAFT", "Draft"),
                            ("ACTIVE", "Active"),
                            ("SUPERSEDED", "Superseded"),
                            ("WITHDRAWN", "Withdrawn"),
                        ],
                        default="DRAFT",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("tax_rate", models.DecimalField(decimal_places=6, max_digits=7)),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("content_hash", models.CharField(blank=True, default="", max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                ("superseded_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_reason", models.CharField(blank=True, default="", max_length=300)),
                (
                    "activated_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fund_arrangements",
                        to="realco.organization",
                    ),
                ),
                (
                    "terms",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fund_arrangements",
                        to="distributions.waterfallterms",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "fund",
                "db_table": "fund_arrangements",
                "ordering": ("organization", "name", "-version"),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="FundDeal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "arrangement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deals",
                        to="distributions.fundarrangement",
                    ),
                ),
                (
                    "offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="fund_deals", to="realco.offering"
                    ),
                ),
            ],
            options={
                "db_table": "fund_deals",
                "ordering": ("arrangement", "id"),
            },
        ),
        migrations.AddField(
            model_name="fundarrangement",
            name="offerings",
            field=models.ManyToManyField(
                related_name="fund_arrangements", through="distributions.FundDeal", to="realco.offering"
            ),
        ),
        migrations.AddConstraint(
            model_name="funddeal",
            constraint=models.UniqueConstraint(fields=("arrangement", "offering"), name="fund_deals_offering_once"),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.UniqueConstraint(
                fields=("organization", "name", "version"), name="fund_arrangements_version_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "ACTIVE")),
                fields=("organization", "name"),
                name="fund_arrangements_one_active",
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["DRAFT", "ACTIVE", "SUPERSEDED", "WITHDRAWN"])),
                name="fund_arrangements_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate__gte", 0), ("tax_rate__lte", 1), models.Q(("name", ""), _negated=True)),
                name="fund_arrangements_name_and_tax",
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("activated_at__isnull", False),
                        ("activated_by__isnull", False),
                        ("content_hash__regex", "^[0-9a-f]{64}$"),
                        ("status__in", ["ACTIVE", "SUPERSEDED"]),
                    ),
                    models.Q(
                        ("activated_at__isnull", True),
                        ("activated_by__isnull", True),
                        ("content_hash", ""),
                        ("status__in", ["DRAFT", "WITHDRAWN"]),
                    ),
                    _connector="OR",
                ),
                name="fund_arrangements_activated_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("activated_by__isnull", True),
                    models.Q(("activated_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="fund_arrangements_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "SUPERSEDED"), ("superseded_at__isnull", False)),
                    models.Q(models.Q(("status", "SUPERSEDED"), _negated=True), ("superseded_at__isnull", True)),
                    _connector="OR",
                ),
                name="fund_arrangements_superseded_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="fundarrangement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status", "WITHDRAWN"),
                        ("withdrawn_at__isnull", False),
                        ("withdrawn_by__isnull", False),
                        models.Q(("withdrawn_reason", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("status", "WITHDRAWN"), _negated=True),
                        ("withdrawn_at__isnull", True),
                        ("withdrawn_by__isnull", True),
                        ("withdrawn_reason", ""),
                    ),
                    _connector="OR",
                ),
                name="fund_arrangements_withdrawn_for_a_reason",
            ),
        ),
    ]
