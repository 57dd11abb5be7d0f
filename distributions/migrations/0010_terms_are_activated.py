"""
Terms are drafted, held against worked examples and activated by a second person; tiers hold all that the engine knows.

Versions that exist are in force; they stay so, each until the day on which the next one began.
"""

from pathlib import Path

import django.db.models.deletion
import django.utils.timezone
import django_fsm
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import realco.identifiers

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0006_let_an_unpayable_allocation_fail"),
        ("realco", "0021_keep_indexes_that_are_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WaterfallExample",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("source", models.CharField(max_length=300)),
                ("on_date", models.DateField()),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("contributions", models.JSONField()),
                ("earlier", models.JSONField(blank=True, default=list)),
                ("expected", models.JSONField()),
                ("expected_sponsor", models.DecimalField(decimal_places=2, max_digits=18)),
                ("expected_tiers", models.JSONField(blank=True, default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "waterfall_examples",
                "ordering": ("terms", "created_at", "id"),
            },
        ),
        migrations.AlterModelOptions(
            name="waterfallterms",
            options={
                "ordering": ("offering", "-version"),
                "permissions": (
                    ("draft_waterfallterms", "Can draft waterfall terms"),
                    ("activate_waterfallterms", "Can activate waterfall terms that somebody else drafted"),
                ),
                "verbose_name_plural": "waterfall terms",
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="waterfallterms",
            name="append_only",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="waterfalltier",
            name="append_only",
        ),
        migrations.RemoveConstraint(
            model_name="waterfalltier",
            name="waterfall_tiers_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="waterfalltier",
            name="waterfall_tiers_can_work",
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="activated_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="activated_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="between_classes",
            field=models.CharField(
                choices=[
                    ("PRO_RATA", "Pro rata to contributed capital"),
                    ("IN_STEP", "Tier by tier, by what is due to each"),
                    ("SENIOR", "The first class first"),
                ],
                default="PRO_RATA",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="content_hash",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="note",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="status",
            field=django_fsm.FSMField(
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
        migrations.AddField(
            model_name="waterfallterms",
            name="superseded_from",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="taken_over",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="withdrawn_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="withdrawn_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="waterfallterms",
            name="withdrawn_reason",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.AddField(
            model_name="waterfalltier",
            name="class_name",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.AddField(
            model_name="waterfalltier",
            name="cumulative",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="waterfalltier",
            name="multiple",
            field=models.DecimalField(decimal_places=12, max_digits=15, null=True),
        ),
        migrations.AlterField(
            model_name="waterfalltier",
            name="kind",
            field=models.CharField(
                choices=[
                    ("RETURN_OF_CAPITAL", "Return of capital"),
                    ("PREFERRED_RETURN", "Preferred return"),
                    ("IRR_HURDLE", "IRR hurdle"),
                    ("MULTIPLE_HURDLE", "Multiple hurdle"),
                    ("CATCH_UP", "Sponsor catch-up"),
                    ("SPLIT", "Profit split"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="waterfalltier",
            name="rate",
            field=models.DecimalField(decimal_places=12, max_digits=13, null=True),
        ),
        migrations.AlterField(
            model_name="waterfalltier",
            name="sponsor_share",
            field=models.DecimalField(decimal_places=12, max_digits=13, null=True),
        ),
        migrations.AlterField(
            model_name="waterfalltier",
            name="sponsor_target",
            field=models.DecimalField(decimal_places=12, max_digits=13, null=True),
        ),
        migrations.AddField(
            model_name="waterfallexample",
            name="entered_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="waterfallexample",
            name="terms",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="examples", to="distributions.waterfallterms"
            ),
        ),
        migrations.RunSQL(
            (HERE / "0010_terms_in_force.sql").read_text(encoding="utf-8"),
            (HERE / "0010_terms_in_force_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(("between_classes__in", ["PRO_RATA", "IN_STEP", "SENIOR"])),
                name="waterfall_terms_between_classes_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["DRAFT", "ACTIVE", "SUPERSEDED", "WITHDRAWN"])),
                name="waterfall_terms_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "ACTIVE")), fields=("offering",), name="waterfall_terms_one_active"
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(("taken_over", True), ("created_by__isnull", False), _connector="OR"),
                name="waterfall_terms_have_a_drafter",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("activated_at__isnull", False),
                        ("status__in", ["ACTIVE", "SUPERSEDED"]),
                        models.Q(
                            ("taken_over", True),
                            models.Q(("activated_by__isnull", False), ("content_hash__regex", "^[0-9a-f]{64}$")),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        ("activated_at__isnull", True),
                        ("activated_by__isnull", True),
                        ("content_hash", ""),
                        ("status__in", ["DRAFT", "WITHDRAWN"]),
                        ("taken_over", False),
                    ),
                    _connector="OR",
                ),
                name="waterfall_terms_activated_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("activated_by__isnull", True),
                    models.Q(("activated_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="waterfall_terms_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status", "SUPERSEDED"),
                        ("superseded_from__gte", models.F("effective_from")),
                        ("superseded_from__isnull", False),
                    ),
                    models.Q(models.Q(("status", "SUPERSEDED"), _negated=True), ("superseded_from__isnull", True)),
                    _connector="OR",
                ),
                name="waterfall_terms_superseded_from_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
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
                name="waterfall_terms_withdrawn_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfalltier",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["RETURN_OF_CAPITAL", "PREFERRED_RETURN", "IRR_HURDLE", "MULTIPLE_HURDLE", "CATCH_UP", "SPLIT"],
                    )
                ),
                name="waterfall_tiers_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfalltier",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ["RETURN_OF_CAPITAL", "SPLIT"])),
                fields=("terms", "class_name", "kind"),
                name="waterfall_tiers_one_of_a_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfalltier",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "PREFERRED_RETURN"), ("cumulative", True), _connector="OR"),
                name="waterfall_tiers_only_returns_lapse",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfalltier",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind", "RETURN_OF_CAPITAL"),
                        ("sponsor_share__isnull", True),
                        ("sponsor_target__isnull", True),
                        ("accrues_from__isnull", True),
                        ("base", ""),
                        ("compounding", ""),
                        ("day_count", ""),
                        ("multiple__isnull", True),
                        ("rate__isnull", True),
                    ),
                    models.Q(
                        ("kind", "PREFERRED_RETURN"),
                        ("multiple__isnull", True),
                        ("sponsor_target__isnull", True),
                        ("rate__gt", 0),
                        ("rate__isnull", False),
                        ("rate__lte", 1),
                        ("sponsor_share__gte", 0),
                        ("sponsor_share__isnull", False),
                        ("sponsor_share__lt", 1),
                        ("base__in", ["UNRETURNED", "ORIGINAL"]),
                        ("day_count__in", ["ACT_365", "ACT_360", "ACT_ACT_ISDA", "30_360", "30E_360"]),
                        ("compounding__in", ["SIMPLE", "ANNUAL", "SEMI_ANNUAL", "QUARTERLY", "MONTHLY", "DAILY"]),
                        models.Q(("cumulative", True), ("compounding", "SIMPLE"), _connector="OR"),
                    ),
                    models.Q(
                        ("kind", "IRR_HURDLE"),
                        ("multiple__isnull", True),
                        ("rate__gt", 0),
                        ("rate__isnull", False),
                        ("rate__lte", 1),
                        ("sponsor_share__gte", 0),
                        ("sponsor_share__isnull", False),
                        ("sponsor_share__lt", 1),
                        ("accrues_from__isnull", True),
                        ("base", ""),
                        ("compounding", ""),
                        ("day_count", ""),
                        ("sponsor_target__isnull", True),
                    ),
                    models.Q(
                        ("kind", "MULTIPLE_HURDLE"),
                        ("multiple__gte", 1),
                        ("multiple__isnull", False),
                        ("multiple__lte", 100),
                        ("rate__isnull", True),
                        ("sponsor_share__gte", 0),
                        ("sponsor_share__isnull", False),
                        ("sponsor_share__lt", 1),
                        ("accrues_from__isnull", True),
                        ("base", ""),
                        ("compounding", ""),
                        ("day_count", ""),
                        ("sponsor_target__isnull", True),
                    ),
                    models.Q(
                        ("kind", "CATCH_UP"),
                        ("sponsor_share__gt", models.F("sponsor_target")),
                        ("sponsor_share__isnull", False),
                        ("sponsor_share__lte", 1),
                        ("sponsor_target__gt", 0),
                        ("sponsor_target__isnull", False),
                        ("accrues_from__isnull", True),
                        ("base", ""),
                        ("compounding", ""),
                        ("day_count", ""),
                        ("multiple__isnull", True),
                        ("rate__isnull", True),
                    ),
                    models.Q(
                        ("kind", "SPLIT"),
                        ("sponsor_share__gte", 0),
                        ("sponsor_share__isnull", False),
                        ("sponsor_share__lte", 1),
                        ("sponsor_target__isnull", True),
                        ("accrues_from__isnull", True),
                        ("base", ""),
                        ("compounding", ""),
                        ("day_count", ""),
                        ("multiple__isnull", True),
                        ("rate__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="waterfall_tiers_can_work",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallexample",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", ""), _negated=True), name="waterfall_examples_say_where_from"
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallexample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__gt", 0), ("expected_sponsor__gte", 0), ("expected_sponsor__lte", models.F("amount"))
                ),
                name="waterfall_examples_amounts",
            ),
        ),
        migrations.AddConstraint(
            model_name="waterfallexample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("contributions", []), _negated=True), models.Q(("expected", []), _negated=True)
                ),
                name="waterfall_examples_name_parties",
            ),
        ),
    ]
