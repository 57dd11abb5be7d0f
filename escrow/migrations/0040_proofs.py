"""Proof snapshots, and the leaves their trees are built from."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import realco.identifiers
import realco.money
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0036_aging_of_reconciliations"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProofLeaves",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content_hash", models.CharField(max_length=64)),
                ("data", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "escrow_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proof_leaves",
                        to="escrow.escrowaccount",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "proof leaves",
                "db_table": "proof_leaves",
                "constraints": [
                    models.UniqueConstraint(fields=("escrow_account", "content_hash"), name="proof_leaves_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProofSnapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("as_of_date", models.DateField()),
                ("revision", models.PositiveIntegerField()),
                ("sequence", models.PositiveIntegerField()),
                ("figures", models.JSONField()),
                ("equalities", models.JSONField()),
                ("is_balanced", models.BooleanField()),
                ("investor_count", models.PositiveIntegerField()),
                ("merkle_root", models.CharField(max_length=64)),
                ("sums", models.JSONField()),
                ("total", models.DecimalField(decimal_places=2, max_digits=18)),
                ("previous_hash", models.CharField(blank=True, default="", max_length=64)),
                ("content_hash", models.CharField(max_length=64, unique=True)),
                ("key_id", models.CharField(max_length=32)),
                ("signature", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "escrow_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proof_snapshots",
                        to="escrow.escrowaccount",
                    ),
                ),
                (
                    "leaves",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="snapshots", to="escrow.proofleaves"
                    ),
                ),
                (
                    "reconciliation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proof_snapshots",
                        to="escrow.reconciliation",
                    ),
                ),
            ],
            options={
                "db_table": "proof_snapshots",
                "ordering": ("-created_at", "-id"),
                "constraints": [
                    models.UniqueConstraint(fields=("escrow_account", "sequence"), name="proof_snapshots_chain"),
                    models.UniqueConstraint(
                        fields=("escrow_account", "as_of_date", "revision"), name="proof_snapshots_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("revision__gte", 1), ("sequence__gte", 1)), name="proof_snapshots_from_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("total__gte", 0)), name="proof_snapshots_never_negative"
                    ),
                ],
            },
        ),
    ]
