"""The events FEE_RETURNED and BANK_FEE, and the rule that a reversal, and nothing else, names what it reverses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("escrow", "0004_triggers")]

    operations = [
        migrations.RemoveConstraint(model_name="journalentry", name="journal_entries_event_known"),
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
                    ("FEE_RETURNED", "Fee given back"),
                    ("BANK_FEE", "Bank fee"),
                    ("REVERSAL", "Reversal"),
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
                            "FEE_RETURNED",
                            "BANK_FEE",
                            "REVERSAL",
                        ],
                    )
                ),
                name="journal_entries_event_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event", "REVERSAL"), ("reverses__isnull", False)),
                    models.Q(models.Q(("event", "REVERSAL"), _negated=True), ("reverses__isnull", True)),
                    _connector="OR",
                ),
                name="journal_entries_reversal_names_its_entry",
            ),
        ),
    ]
