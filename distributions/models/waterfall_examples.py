"""Worked examples from an operating agreement: what its terms must reproduce to the cent before they count."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from distributions.models.waterfall_terms import WaterfallTerms
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class WaterfallExample(models.Model):
    """
    One worked example of a version of terms, as `distributions.examples` understands it.

    ``source`` says where in the agreement it stands. Amounts inside the lists are text with two
    places. It is entered and removed while the terms are a draft, and never edited.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    terms = models.ForeignKey(WaterfallTerms, on_delete=models.PROTECT, related_name="examples")
    source = models.CharField(max_length=300)
    on_date = models.DateField()
    amount = MoneyField()
    contributions = models.JSONField()
    earlier = models.JSONField(default=list, blank=True)
    expected = models.JSONField()
    expected_sponsor = MoneyField()
    expected_tiers = models.JSONField(default=list, blank=True)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "waterfall_examples"
        ordering = ("terms", "created_at", "id")
        constraints = (
            models.CheckConstraint(condition=~Q(source=""), name="waterfall_examples_say_where_from"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, expected_sponsor__gte=0, expected_sponsor__lte=models.F("amount")),
                name="waterfall_examples_amounts",
            ),
            models.CheckConstraint(
                condition=~Q(contributions=[]) & ~Q(expected=[]), name="waterfall_examples_name_parties"
            ),
        )
        triggers = (
            *guards.audited(),
            guards.never_truncated(),
            guards.Guard("realco_append_only", name="never_updated", when=guards.Before, operation=guards.Update),
            guards.Guard(
                "waterfall_terms_are_drafted",
                name="of_a_draft",
                when=guards.Before,
                operation=guards.Insert | guards.Delete,
            ),
        )

    def __str__(self) -> str:
        return self.source
