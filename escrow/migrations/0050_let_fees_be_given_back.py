"""A journal event for fees that are given back."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0006_let_an_unpayable_allocation_fail"),
        ("escrow", "0004_triggers"),
        ("finance", "0006_decide_a_sandbox_transfer_at_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="journalentry",
            name="journal_entries_event_known",
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="event",
            field=models.CharField(
                choices=[
                    ("INBOUND_ACCEPTED", "Inbound accepted"),
                    ("INBOUND_SETTLED", "Inbound settled"),
                    ("INBOUND_CLEARED", "Inbound cleared"),
                    ("INBOUND_FAILED", "Inbound failed"),
                    ("RETURN_BEFORE_CLEARING", "Returned before clearing"),
                    ("RETURN_AFTER_CLEARING", "Returned after clearing"),
                    ("RELEASE", "Released at closing"),
                    ("RESERVE", "Reserved for payout"),
                    ("UNRESERVE", "Reservation undone"),
                    ("OUTBOUND_SETTLED", "Paid out"),
                    ("PAYOUT_RETURNED", "Payout returned"),
                    ("HOLD", "Held"),
                    ("HOLD_RELEASED", "Hold released"),
                    ("UNKNOWN_RECEIPT", "Unknown receipt"),
                    ("RECEIPT_CLAIMED", "Receipt claimed"),
                    ("REVERSAL", "Reversal"),
                    ("FEE_RETURNED", "Fee given back"),
                ],
                max_length=30,
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "event__in",
                        [
                            "INBOUND_ACCEPTED",
                            "INBOUND_SETTLED",
                            "INBOUND_CLEARED",
                            "INBOUND_FAILED",
                            "RETURN_BEFORE_CLEARING",
                            "RETURN_AFTER_CLEARING",
                            "RELEASE",
                            "RESERVE",
                            "UNRESERVE",
                            "OUTBOUND_SETTLED",
                            "PAYOUT_RETURNED",
                            "HOLD",
                            "HOLD_RELEASED",
                            "UNKNOWN_RECEIPT",
                            "RECEIPT_CLAIMED",
                            "REVERSAL",
                            "FEE_RETURNED",
                        ],
                    )
                ),
                name="journal_entries_event_known",
            ),
        ),
    ]
