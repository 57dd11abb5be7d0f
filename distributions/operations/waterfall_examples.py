"""Worked examples of an operating agreement: entered for a draft of terms, and removed from it again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from distributions import examples
from distributions.models import WaterfallExample, WaterfallTerms
from distributions.operations import terms
from realco import audit, permissions
from realco.errors import Refusal
from realco.models import User

MOST_EXAMPLES = 50


class UnworkableExample(Refusal):
    """This is no worked example; the message says why, and ``field`` which part."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message, field=field)
        self.field = field


class TooManyExamples(Refusal):
    """The draft has as many examples as are looked at together."""


def enter(version: WaterfallTerms, *, example: Mapping[str, Any], by: User, at: datetime) -> WaterfallExample:
    """
    Enter a worked example for a draft. Whoever will activate the draft may enter some, too.

    ``example`` is in the form of `distributions.examples`: amounts and days as text.

    :raises NotPermitted: unless the person may draft or activate terms
    :raises NotDraft: if the terms are activated or withdrawn
    :raises UnworkableExample: if it is not complete, or does not add up
    :raises TooManyExamples: if there are fifty already
    """
    _require_may(by)
    try:
        made = examples.from_data(example)
    except examples.UnworkableExample as error:
        raise UnworkableExample(str(error), field=error.field) from error
    data = examples.as_data(made)
    with audit.acting("terms.enter_example", by=by), transaction.atomic():
        version = terms.lock_draft(version.pk)
        if version.examples.count() >= MOST_EXAMPLES:
            raise TooManyExamples(f"A draft can have {MOST_EXAMPLES} examples at most.")
        _require_possible(made, tiers=version.tiers.count())
        return WaterfallExample.objects.create(
            terms=version,
            source=made.source[:300],
            on_date=made.on,
            amount=made.amount,
            contributions=data["contributions"],
            earlier=data["earlier"],
            expected=data["expected"],
            expected_sponsor=made.sponsor,
            expected_tiers=data["tiers"],
            entered_by=by,
            created_at=at,
        )


def remove(example: WaterfallExample, *, by: User, reason: str) -> None:
    """
    Take an example back that was entered wrongly. Whoever activates sees those that are left.

    :raises NotPermitted: unless the person may draft or activate terms
    :raises ReasonMissing: without a reason
    :raises NotDraft: if the terms are activated or withdrawn
    """
    _require_may(by)
    if not reason.strip():
        raise terms.ReasonMissing("Say why; the reason is kept in the audit trail.")
    with audit.acting("terms.remove_example", by=by, reason=reason), transaction.atomic():
        terms.lock_draft(example.terms_id)
        WaterfallExample.objects.filter(pk=example.pk).delete()


def _require_possible(example: examples.Example, *, tiers: int) -> None:
    """Refuse what no terms of so many tiers could reproduce; entered all the same, it would only be in the way."""
    first = min(one.on for one in example.contributions)
    for day, field in ((example.on, "on"), *((one.on, "earlier") for one in example.earlier)):
        if day < first:
            raise UnworkableExample(
                f"Nothing had been put in by {day}; the first contribution is of {first}.", field=field
            )
    for one in example.tiers:
        if not 1 <= one.tier <= tiers:
            raise UnworkableExample(f"There is no tier {one.tier}; the terms have {tiers}.", field="tiers")


def _require_may(by: User) -> None:
    if not (by.is_active and by.has_perm(permissions.ACTIVATE_TERMS)):
        permissions.require(by, permissions.DRAFT_TERMS)
