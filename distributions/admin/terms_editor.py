"""
The editor of a draft's tiers: what was sent, moved about as a button asks, and read as terms at the end.

Nothing is kept between two requests but what the form carries, so that it works without scripts.
"""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from distributions import terms as engine
from distributions.admin.terms_forms import FIELDS_OF, HINTS, HeadForm, TierForm
from distributions.models import WaterfallTerms
from distributions.operations import terms
from distributions.queries import terms as queries

_DEFAULTS = {"base": "UNRETURNED", "day_count": "ACT_365", "compounding": "SIMPLE", "cumulative": True}


class Editor:
    """The head form and one form for each tier; ``errors`` are about all of them together."""

    def __init__(self, head: HeadForm, tiers: list[TierForm]) -> None:
        self.head = head
        self.tiers = tiers
        self.errors: list[str] = []

    @classmethod
    def of(cls, version: WaterfallTerms) -> "Editor":
        """Return the forms of a draft as it is kept."""
        head = HeadForm(initial={name: getattr(version, name) for name in HeadForm.base_fields})
        tiers = [
            _form(number, tier.kind, {name: getattr(tier, name) for name in ("class_name", *FIELDS_OF[tier.kind])})
            for number, tier in enumerate(sorted(version.tiers.all(), key=lambda tier: tier.position), start=1)
        ]
        return cls(head, tiers)

    @classmethod
    def sent(cls, data: QueryDict) -> "Editor":
        """Return the forms as they were sent, to be read."""
        tiers = [
            TierForm(data, prefix=f"tier-{number}", kind=data.get(f"tier-{number}-kind", ""))
            for number in range(1, _count(data) + 1)
        ]
        return cls(HeadForm(data), tiers)

    @classmethod
    def rearranged(cls, data: QueryDict, act: str) -> "Editor":
        """Return the forms as they were sent, after one tier was added, removed or moved; nothing is read yet."""
        sent = [_raw(data, number) for number in range(1, _count(data) + 1)]
        verb, _, number = act.partition("-")
        place = int(number) - 1 if number.isdecimal() and 0 < int(number) <= len(sent) else None
        if verb == "add" and len(sent) < terms.MOST_TIERS:
            kind = data.get("add_kind", "")
            kind = kind if kind in FIELDS_OF else "SPLIT"
            last = sent[-1]["class_name"] if sent else ""
            added = {"kind": kind, "class_name": last, **_DEFAULTS, **HINTS.get(kind, {})}
            # Before the split that ends it: a tier after it would never be paid.
            ends = bool(sent) and sent[-1]["kind"] == "SPLIT" and kind != "SPLIT"
            sent.insert(len(sent) - 1 if ends else len(sent), added)
        elif verb == "remove" and place is not None:
            del sent[place]
        elif verb in ("up", "down") and place is not None:
            other = place + (-1 if verb == "up" else 1)
            if 0 <= other < len(sent):
                sent[place], sent[other] = sent[other], sent[place]
        head = HeadForm(initial={name: data.get(name, "") for name in HeadForm.base_fields})
        return cls(head, [_form(number, str(one["kind"]), one) for number, one in enumerate(sent, start=1)])

    def read(self) -> engine.Terms | engine.ClassedTerms | None:
        """Return the terms that were sent, or None, with what is wrong beside the fields."""
        valid = [form.is_valid() for form in (self.head, *self.tiers)]
        if not all(valid):
            return None
        head = self.head.cleaned_data
        version = WaterfallTerms(profits_by=head["profits_by"], between_classes=head["between_classes"])
        try:
            return queries.from_rows(version, [form.row() for form in self.tiers])
        except engine.UnworkableTerms as error:
            self.errors.append(str(error))
            return None


def _count(data: QueryDict) -> int:
    text = data.get("count", "")
    return min(int(text), terms.MOST_TIERS) if text.isdecimal() and len(text) < 4 else 0


def _raw(data: QueryDict, number: int) -> dict[str, Any]:
    prefix = f"tier-{number}-"
    names = ("kind", "class_name", *FIELDS_OF["PREFERRED_RETURN"], "multiple", "sponsor_target")
    found: dict[str, Any] = {name: data.get(prefix + name, "") for name in names}
    found["cumulative"] = bool(found["cumulative"])
    return found


def _form(number: int, kind: str, values: Mapping[str, Any]) -> TierForm:
    return TierForm(prefix=f"tier-{number}", kind=kind, initial={**values})
