"""Say of a distribution whether it pays premiums on, of an allocation what of them it has, and keep each premium paid on."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import realco.identifiers
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from realco import guards


LOCK = "LOCK TABLE distributions, distribution_allocations IN ACCESS EXCLUSIVE MODE"


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0077_read_from_the_ledger_what_was_funded"),
        ("escrow", "0087_guard_halves"),
        ("finance", "0042_guard_halves"),
        ("realco", "0021_keep_indexes_that_are_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        # Both ways the tables are taken in the order in which paying takes them.
        migrations.RunSQL(LOCK, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="PremiumPaidOn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("freed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "premium paid on",
                "verbose_name_plural": "premiums paid on",
                "db_table": "premiums_paid_on",
                "ordering": ("created_at", "id"),
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="distribution",
            name="immutable",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="distributionallocation",
            name="immutable_override",
        ),
        migrations.RemoveConstraint(
            model_name="distribution",
            name="distributions_tiers_add_up",
        ),
        migrations.RemoveConstraint(
            model_name="distributionallocation",
            name="allocations_tiers_add_up",
        ),
        migrations.AddField(
            model_name="distribution",
            name="nature",
            field=models.CharField(
                choices=[("WATERFALL", "Waterfall"), ("PREMIUM", "Premiums paid on")],
                db_default="WATERFALL",
                default="WATERFALL",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="distribution",
            name="premium_total",
            field=models.DecimalField(
                db_default=Decimal("0.00"), decimal_places=2, default=Decimal("0.00"), max_digits=18
            ),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="premium_amount",
            field=models.DecimalField(
                db_default=Decimal("0.00"), decimal_places=2, default=Decimal("0.00"), max_digits=18
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="distribution",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('offering_id', 'escrow_account_id', 'distribution_number', 'currency', 'created_by_id', 'total_amount', 'idempotency_key', 'request_hash', 'nature')",
                    func="RETURN NULL;",
                    hash="a6ea2e210bb7833bc3b3072190e533ec11d921fc",
                    operation='UPDATE OF "offering_id", "escrow_account_id", "distribution_number", "currency", "created_by_id", "total_amount", "idempotency_key", "request_hash", "nature"',
                    pgid="pgtrigger_immutable_efdfb",
                    table="distributions",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="distributionallocation",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable_override",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('withholding_amount', 'premium_amount', 'calculated', 'override_reason', 'overridden_by_id')",
                    func="RETURN NULL;",
                    hash="399db2e0a2023e2ecba21e465cd4343ae20db3b3",
                    operation='UPDATE OF "withholding_amount", "premium_amount", "calculated", "override_reason", "overridden_by_id"',
                    pgid="pgtrigger_immutable_override_4a4a1",
                    table="distribution_allocations",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(("nature__in", ["WATERFALL", "PREMIUM"])), name="distributions_nature_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["DRAFT", "CANCELLED"]),
                    models.Q(
                        (
                            "net_amount",
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("return_of_capital_total"), "+", models.F("preferred_return_total")
                                        ),
                                        "+",
                                        models.F("sponsor_catch_up_total"),
                                    ),
                                    "+",
                                    models.F("profit_split_total"),
                                ),
                                "+",
                                models.F("premium_total"),
                            ),
                        ),
                        models.Q(("content_hash", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="distributions_tiers_add_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("nature", "WATERFALL"), ("premium_total", 0)),
                    models.Q(
                        ("nature", "PREMIUM"),
                        ("platform_fee_amount", 0),
                        ("premium_total__gte", 0),
                        ("terms__isnull", True),
                        ("preferred_return_total", 0),
                        ("return_of_capital_total", 0),
                        ("profit_split_total", 0),
                        ("sponsor_catch_up_total", 0),
                    ),
                    _connector="OR",
                ),
                name="distributions_premiums_are_apart",
            ),
        ),
        migrations.AddConstraint(
            model_name="distributionallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("preferred_return__gte", 0),
                    ("premium_amount__gte", 0),
                    ("profit_split__gte", 0),
                    ("return_of_capital__gte", 0),
                    ("sponsor_catch_up__gte", 0),
                    (
                        "total_amount",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("return_of_capital"), "+", models.F("preferred_return")
                                    ),
                                    "+",
                                    models.F("sponsor_catch_up"),
                                ),
                                "+",
                                models.F("profit_split"),
                            ),
                            "+",
                            models.F("premium_amount"),
                        ),
                    ),
                ),
                name="allocations_tiers_add_up",
            ),
        ),
        migrations.AddField(
            model_name="premiumpaidon",
            name="distribution",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="premiums", to="distributions.distribution"
            ),
        ),
        migrations.AddField(
            model_name="premiumpaidon",
            name="item",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="paid_on",
                to="distributions.capitalcallitem",
            ),
        ),
        migrations.AddConstraint(
            model_name="premiumpaidon",
            constraint=models.UniqueConstraint(
                condition=models.Q(("freed_at__isnull", True)), fields=("item",), name="premiums_paid_on_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="premiumpaidon",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="premiums_paid_on_amount_positive"
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, LOCK),
    ]
