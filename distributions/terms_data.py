"""
Terms as data: a form of terms that JSON can hold, and back.

The form is canonical: the same terms always give the same data, every choice is written
out, and figures are text, so that a hash over it is a hash of the terms. Data that is
wrong is refused with a sentence that says where.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from distributions.day_counts import DayCount
from distributions.terms import BetweenClasses, ClassedTerms, InvestorClass, ProfitBasis, Terms
from distributions.tiers import (
    CapitalBase,
    CatchUp,
    Compounding,
    IrrHurdle,
    MultipleHurdle,
    PreferredReturn,
    ReturnOfCapital,
    Split,
    Tier,
    UnworkableTerms,
)

FORMAT = "waterfall-terms/1"
Kind = TypeVar("Kind", bound=StrEnum)
_TIERS: Mapping[str, type[Tier]] = {
    tier.kind.value: tier for tier in (ReturnOfCapital, PreferredReturn, IrrHurdle, MultipleHurdle, CatchUp, Split)
}
_CHOICES: Mapping[str, type[StrEnum]] = {"base": CapitalBase, "day_count": DayCount, "compounding": Compounding}


def as_data(terms: Terms | ClassedTerms) -> dict[str, Any]:
    """Return terms as dictionaries, lists and text."""
    if isinstance(terms, Terms):
        return {"format": FORMAT, **_terms_as_data(terms)}
    return {
        "format": FORMAT,
        "between": terms.between.value,
        "classes": [{"name": one.name, **_terms_as_data(one.terms)} for one in terms.classes],
    }


def from_data(data: object) -> Terms | ClassedTerms:
    """
    Return the terms that data describes.

    What has a usual value may be left out of a tier; what is not known is refused, since it
    would be lost.

    :raises UnworkableTerms: if the data is not that of terms, or the terms cannot be worked
    """
    data = _mapping(data, "Terms")
    if data.get("format") != FORMAT:
        raise UnworkableTerms(f"Terms must say that their format is “{FORMAT}”; it is {_said(data.get('format'))}.")
    if "classes" not in data:
        _require_known(data, {"format", "profits_by", "tiers"}, "Terms")
        return _terms(data, "Terms")
    _require_known(data, {"format", "between", "classes"}, "Terms with classes")
    classes = []
    for number, one in enumerate(_sequence(data["classes"], "The classes"), start=1):
        one = _mapping(one, f"Class {number}")
        _require_known(one, {"name", "profits_by", "tiers"}, f"Class {number}")
        name = one.get("name")
        if not isinstance(name, str):
            raise UnworkableTerms(f"Class {number} needs a name as text; it is {_said(name)}.")
        classes.append(InvestorClass(name, _terms(one, f"Class “{name}”")))
    return ClassedTerms(tuple(classes), _choice(BetweenClasses, data.get("between"), "The division between classes"))


def _terms_as_data(terms: Terms) -> dict[str, Any]:
    return {"profits_by": terms.profits_by.value, "tiers": [_tier_as_data(tier) for tier in terms.tiers]}


def _tier_as_data(tier: Tier) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": tier.kind.value}
    for field in fields(tier):
        value = getattr(tier, field.name)
        if isinstance(value, Decimal):
            value = plain(value)
        elif isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, StrEnum):
            value = value.value
        data[field.name] = value
    return data


def plain(number: Decimal) -> str:
    """Write a number without an exponent and without zeros that say nothing."""
    return f"{number.normalize():f}" if number else "0"


def _terms(data: Mapping[str, Any], where: str) -> Terms:
    tiers = _sequence(data.get("tiers"), f"{where}: the tiers")
    profits_by = _choice(ProfitBasis, data.get("profits_by"), f"{where}: what profit is shared by")
    made = tuple(_tier(one, f"{where}, tier {number}") for number, one in enumerate(tiers, start=1))
    try:
        return Terms(made, profits_by)
    except UnworkableTerms as error:
        raise UnworkableTerms(f"{where}: {error}") from error


def _tier(data: object, where: str) -> Tier:
    data = _mapping(data, where)
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in _TIERS:
        raise UnworkableTerms(f"{where}: {_said(kind)} is no kind of tier; choose one of {', '.join(_TIERS)}.")
    tier = _TIERS[kind]
    known = {field.name: field for field in fields(tier)}
    _require_known(data, {"kind", *known}, where)
    values = {name: _value(field, data, where) for name, field in known.items()}
    make: Callable[..., Tier] = tier
    try:
        return make(**values)
    except UnworkableTerms as error:
        raise UnworkableTerms(f"{where}: {error}") from error


def _value(field: "Field[Any]", data: Mapping[str, Any], where: str) -> object:
    if field.name not in data:
        if field.default is MISSING:
            raise UnworkableTerms(f"{where}: {field.name} is missing.")
        return field.default
    value, name = data[field.name], f"{where}: {field.name}"
    if field.name in _CHOICES:
        return _choice(_CHOICES[field.name], value, name)
    if field.name == "accrues_from":
        return None if value is None else _day(value, name)
    if field.name == "cumulative":
        if not isinstance(value, bool):
            raise UnworkableTerms(f"{name} is true or false, not {_said(value)}.")
        return value
    return _number(value, name)


def _number(value: object, name: str) -> Decimal:
    # A JSON number has been through binary by now; 0.1 would not be a tenth any more.
    if not isinstance(value, str):
        raise UnworkableTerms(f'{name} must be text such as "0.08"; it is {_said(value)}.')
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise UnworkableTerms(f"{name} is no number: {_said(value)}.") from error
    return number.normalize() if number.is_finite() else number


def _day(value: object, name: str) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise UnworkableTerms(f"{name} must be a day such as 2023-01-31; it is {_said(value)}.") from error


def _choice(kinds: type[Kind], value: object, name: str) -> Kind:
    try:
        return kinds(value)  # type: ignore[arg-type]
    except ValueError as error:
        raise UnworkableTerms(f"{name} cannot be {_said(value)}; choose one of {', '.join(kinds)}.") from error


def _said(value: object) -> str:
    """Write what was given as people who send JSON know it."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return f"the number {value}"
    return "a list" if isinstance(value, Sequence) else "an object"


def _mapping(data: object, name: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise UnworkableTerms(f"{name} must be given by name and value, not as {type(data).__name__}.")
    return data


def _sequence(data: object, name: str) -> Sequence[object]:
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise UnworkableTerms(f"{name} must be a list.")
    return data


def _require_known(data: Mapping[str, Any], known: set[str], where: str) -> None:
    strange = sorted(str(name) for name in data.keys() - known)
    if strange:
        raise UnworkableTerms(
            f"{where}: {', '.join(strange)} is not known here; it can have {', '.join(sorted(known))}."
        )
