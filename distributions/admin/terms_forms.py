"""The forms of the pages of waterfall terms: a draft to begin, its tiers, its worked examples, a sample exit."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from distributions import examples
from distributions import terms as engine
from distributions.models import WaterfallTerms, WaterfallTier
from distributions.operations import terms
from distributions.queries import terms as queries
from distributions.queries import terms_in_words
from distributions.terms_data import plain
from realco import money
from realco.admin_steps import StepForm
from realco.errors import Refusal
from realco.models import Offering

Kind = WaterfallTier.Kind
DATE = {"type": "date"}
FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    Kind.RETURN_OF_CAPITAL: (),
    Kind.PREFERRED_RETURN: (
        "rate", "base", "day_count", "compounding", "cumulative", "accrues_from", "sponsor_share",
    ),
    Kind.IRR_HURDLE: ("rate", "sponsor_share"),
    Kind.MULTIPLE_HURDLE: ("multiple", "sponsor_share"),
    Kind.CATCH_UP: ("sponsor_share", "sponsor_target"),
    Kind.SPLIT: ("sponsor_share",),
}  # fmt: skip
"""What a person says about a tier of each kind."""
_WORDS_OF_FIELDS = (
    ("never brings", "sponsor_share"),
    ("multiple hurdle lies", "multiple"),
    ("multiple hurdle can", "multiple"),
    ("'s rate", "rate"),
    ("preferred return of nothing", "rate"),
    ("irr hurdle of nothing", "rate"),
    ("target", "sponsor_target"),
    ("catch-up to nothing", "sponsor_target"),
    ("not cumulative", "compounding"),
    ("share", "sponsor_share"),
    ("never reach", "sponsor_share"),
)
"""How the engine's sentences speak of a field, so that they are shown beside it."""
_FINEST = Decimal("0.0000000001")
HINTS: Mapping[str, Mapping[str, Any]] = {
    Kind.PREFERRED_RETURN: {"rate": Decimal("0.08"), "sponsor_share": Decimal(0)},
    Kind.IRR_HURDLE: {"rate": Decimal("0.12"), "sponsor_share": Decimal("0.20")},
    Kind.MULTIPLE_HURDLE: {"multiple": Decimal("1.5"), "sponsor_share": Decimal("0.20")},
    Kind.CATCH_UP: {"sponsor_share": Decimal(1), "sponsor_target": Decimal("0.20")},
    Kind.SPLIT: {"sponsor_share": Decimal("0.20")},
}
"""What the form of a tier begins with when it is added."""


class PercentField(forms.Field):
    """A fraction that people write as a percentage from 0 to 100, with ten decimals at most: 8 is 0.08."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "size": 8, "maxlength": 16})

    def to_python(self, value: Any) -> Decimal | None:
        """
        Read a percentage; whether it makes a tier, the engine says.

        :raises ValidationError: if it is none
        """
        text = str(value or "").strip().removesuffix("%").strip()
        if not text:
            return None
        try:
            number = Decimal(text)
            exact = number.is_finite() and 0 <= number <= 100 and number == number.quantize(_FINEST)
        except InvalidOperation:
            exact = False
        if not exact:
            raise forms.ValidationError("Give a percentage from 0 to 100, such as 7.25, with ten decimals at most.")
        return number / 100

    def prepare_value(self, value: Any) -> Any:
        """Write a fraction as a percentage."""
        return plain(value * 100) if isinstance(value, Decimal) else value


class NewForm(StepForm):
    """Which offering a draft is for, what it begins from, and from when it is to be in force."""

    offering = forms.ModelChoiceField(queryset=Offering.objects.order_by("name"))
    template = forms.ChoiceField(label="Begin from", choices=list(terms.TEMPLATE_NAMES.items()))
    effective_from = forms.DateField(label="In force from", widget=forms.DateInput(attrs=DATE))
    note = forms.CharField(
        label="Source", max_length=300, required=False, help_text="Which agreement, such as its name, day and section."
    )


class CopyForm(StepForm):
    """From when the new version is to be in force."""

    effective_from = forms.DateField(label="In force from", widget=forms.DateInput(attrs=DATE))


class ActivateForm(StepForm):
    """The hash of the terms and examples that the person has in front of them."""

    content_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["content_hash"].initial = queries.content_hash(self.row)


class HeadForm(forms.Form):
    """What holds for a whole version."""

    effective_from = forms.DateField(label="In force from", widget=forms.DateInput(attrs=DATE))
    note = forms.CharField(
        label="Source", max_length=300, required=False, help_text="Which agreement, such as its name, day and section."
    )
    profits_by = forms.ChoiceField(label="Investors share profit by", choices=WaterfallTerms.ProfitBasis.choices)
    between_classes = forms.ChoiceField(
        label="Between classes",
        choices=WaterfallTerms.Between.choices,
        help_text="Matters only where tiers name a class.",
    )


class TierForm(forms.Form):
    """One tier: a form that asks only what its kind needs, in percent."""

    kind = forms.ChoiceField(choices=Kind.choices, widget=forms.HiddenInput)
    class_name = forms.CharField(
        label="Class", max_length=60, required=False, help_text="Leave empty where all investors are alike."
    )
    rate = PercentField(label="Rate, % a year")
    multiple = forms.DecimalField(
        label="Multiple", max_digits=15, decimal_places=12, help_text="Such as 1.5 for one and a half times.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "size": 8}),
    )  # fmt: skip
    base = forms.ChoiceField(
        label="Earned on", choices=[("UNRETURNED", "Capital not yet returned"), ("ORIGINAL", "Original capital")]
    )
    day_count = forms.ChoiceField(
        label="Days counted as",
        choices=[
            (one.value, f"{one.value.replace('_', '/')} ({words})") for one, words in terms_in_words.DAY_COUNTS.items()
        ],
    )  # fmt: skip
    compounding = forms.ChoiceField(
        label="Compounding",
        choices=[(one.value, words.capitalize()) for one, words in terms_in_words.COMPOUNDINGS.items()],
    )  # fmt: skip
    cumulative = forms.BooleanField(label="What is not paid is made up for later", required=False)
    accrues_from = forms.DateField(
        label="Accrues from", required=False, widget=forms.DateInput(attrs=DATE),
        help_text="Empty: each dollar from the day it cleared.",
    )  # fmt: skip
    sponsor_share = PercentField(label="Sponsor's share, %", help_text="Investors get the rest.")
    sponsor_target = PercentField(label="Until the sponsor has, % of all profit")

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tier_kind = Kind(kind) if kind in Kind.values else Kind.SPLIT
        self.fields["kind"].initial = self.tier_kind
        for name in set(FIELDS_OF[Kind.PREFERRED_RETURN]) | {"multiple", "sponsor_target"}:
            if name not in FIELDS_OF[self.tier_kind]:
                del self.fields[name]
        if self.tier_kind == Kind.CATCH_UP:
            self.fields["sponsor_share"].label = "Sponsor's share of each dollar, %"

    @property
    def title(self) -> str:
        """What kind of tier it is."""
        return str(self.tier_kind.label)

    def row(self) -> WaterfallTier:
        """Return the tier as a row, not saved; the form must be valid."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "kind"}
        return WaterfallTier(kind=self.tier_kind, **given)

    def clean(self) -> dict[str, Any]:
        """Have the engine make the tier, and show its refusal beside the field that it speaks of."""
        data = super().clean() or {}
        if not self.errors:
            try:
                queries.tier_as_engine(self.row())
            except engine.UnworkableTerms as error:
                words = str(error)
                spoken = (name for said, name in _WORDS_OF_FIELDS if said in words.casefold() and name in self.fields)
                self.add_error(next(spoken, None), words)
        return data


class ExampleForm(forms.Form):
    """A worked example, line by line as the agreement has it."""

    LINES: Mapping[str, str] = {
        "contributions": "party; day; amount",
        "earlier": "day; amount",
        "expected": "party; amount",
        "tiers": "tier's number; investors; sponsor",
    }
    source = forms.CharField(
        label="Where it stands", max_length=300, help_text="Section and page, such as “Exhibit C, page 41”."
    )
    contributions = forms.CharField(
        label="Contributions", widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line: party; day; amount; class, if there are classes. Such as “Ann; 2023-01-01; 600,000.00”.",
    )  # fmt: skip
    earlier = forms.CharField(
        label="Distributions before", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line: day; amount. They are run through the same terms.",
    )  # fmt: skip
    on = forms.DateField(label="Day of the distribution", widget=forms.DateInput(attrs=DATE))
    amount = forms.CharField(label="Amount distributed", max_length=40, help_text="US dollars, such as 1,700,000.00.")
    expected = forms.CharField(
        label="What each party gets", widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line: party; amount.",
    )  # fmt: skip
    sponsor = forms.CharField(
        label="What the sponsor gets", max_length=40, help_text="Its promote; 0 if there is none."
    )
    tiers = forms.CharField(
        label="Tier by tier", required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="If the agreement has it, one a line: tier's number; investors; sponsor.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Read the lines, and show what is wrong beside the field it is in."""
        data = super().clean() or {}
        if self.errors:
            return data
        example = {
            "source": data["source"],
            "on": data["on"].isoformat(),
            "amount": data["amount"],
            "sponsor": data["sponsor"],
            **{name: lines(data[name]) for name in self.LINES},
        }
        try:
            examples.from_data(example)
        except examples.UnworkableExample as error:
            self.add_error(error.field if error.field in self.fields else None, str(error))
        return {**data, "example": example}


class SampleForm(forms.Form):
    """A sample exit: how much, when, and whose capital."""

    amount = forms.CharField(label="Amount", max_length=40)
    on = forms.DateField(label="On", widget=forms.DateInput(attrs=DATE))
    capital = forms.CharField(
        label="Capital", max_length=40, required=False, help_text="Empty: what the offering's investors put in."
    )
    invested_on = forms.DateField(label="Put in on", required=False, widget=forms.DateInput(attrs=DATE))

    def __init__(self, *args: Any, has_investors: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.has_investors = has_investors

    def clean_amount(self) -> Decimal:
        return _positive(self.cleaned_data["amount"])

    def clean_capital(self) -> Decimal | None:
        given = self.cleaned_data["capital"].strip()
        if not given and not self.has_investors:
            raise forms.ValidationError("Nobody has invested yet; give a made-up amount, such as 1,000,000.")
        return _positive(given) if given else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("on", "invested_on"):
            day = data.get(name)
            if day and not examples.FIRST_YEAR <= day.year <= examples.LAST_YEAR:
                self.add_error(name, f"Give a day between {examples.FIRST_YEAR} and {examples.LAST_YEAR}.")
        if data.get("capital") and not data.get("invested_on") and "invested_on" not in self.errors:
            self.add_error("invested_on", "Say on which day the made-up capital was put in.")
        if data.get("invested_on") and data.get("on") and data["invested_on"] > data["on"]:
            self.add_error("invested_on", "This is later than the exit.")
        return data


class ClassesForm(forms.Form):
    """To which class each of some investments belongs."""

    def __init__(self, *args: Any, rows: Sequence[Any], names: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.names = names
        for row in rows:
            choices = list(dict.fromkeys(["", *names, row.class_name]))
            self.fields[f"class-{row.pk}"] = forms.ChoiceField(
                label=str(row.investor),
                required=False,
                initial=row.class_name,
                choices=[(name, name or "No class") for name in choices],
            )
        self.fields["reason"] = forms.CharField(
            label="Reason", max_length=300, help_text="Kept in the audit trail.",
            error_messages={"required": "Say why; the reason is kept in the audit trail."},
        )  # fmt: skip


def lines(text: str) -> list[list[str]]:
    """Return the parts of each line; separated by semicolons or tabs, or by commas where there are neither."""
    found = []
    for line in text.splitlines():
        if line.strip():
            separator = next((one for one in (";", "\t") if one in line), ",")
            found.append([part.strip() for part in line.split(separator)])
    return found


def written(rows: Sequence[Sequence[object]]) -> str:
    """Write lines as a form shows them."""
    return "\n".join("; ".join(str(part) for part in row if part != "") for row in rows)


def years_before(day: date, years: int) -> date:
    """Return the same day some years before; the last of February where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _positive(text: str) -> Decimal:
    try:
        return money.positive(money.parse_written(text))
    except Refusal as refusal:
        raise forms.ValidationError(str(refusal)) from refusal
