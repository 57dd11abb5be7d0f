"""
Money: decimal, in whole cents, never a float.

Amounts enter through `parse` (programs and forms) or `parse_written` (files people write) and leave
through `to_json` or `format_money`. What lies between is exact: nothing here rounds, except
`allocate`, which hands out every cent it rounds away.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from realco.errors import Refusal

CURRENCY = "USD"
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MAX_AMOUNT = Decimal("9999999999999999.99")
"""The largest amount that numeric(18,2) holds."""

if TYPE_CHECKING:
    _DecimalField = models.DecimalField
else:

    class _DecimalField(models.DecimalField):
        """Django's field, which takes the type parameters that mypy knows it by."""

        def __class_getitem__(cls, _: object) -> type[models.DecimalField]:
            return cls


_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

_PLAIN = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]+)(?:\.(?P<cents>[0-9]+))?")
_WRITTEN = re.compile(r"(?P<whole>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.(?P<cents>[0-9]+))?")


class InvalidAmount(Refusal):
    """What was given is not an amount of money."""

    code = "VALIDATION_ERROR"


class NotPositive(InvalidAmount):
    """The amount is zero or less where money has to move."""


class UnknownCurrency(Refusal):
    """The currency is not one that is dealt in here."""

    code = "VALIDATION_ERROR"


def parse(value: object, *, currency: object = CURRENCY) -> Decimal:
    """
    Read an amount a program sent: a Decimal, an int, or text such as "1234.50".

    Zero and negative amounts are read as well; `positive` refuses them. Thousands separators are
    refused here, because a program that sends them may mean something else by them.

    :raises UnknownCurrency: if the currency is not USD
    :raises InvalidAmount: if it is no amount in whole cents of at most MAX_AMOUNT
    """
    require_known_currency(currency)
    if value is None:
        raise InvalidAmount("An amount is missing.")
    if isinstance(value, bool):
        raise InvalidAmount("An amount is a number, not yes or no.")
    if isinstance(value, float):
        raise InvalidAmount('An amount is sent as text such as "1234.50", because a float loses cents.')
    if isinstance(value, str):
        return _in_range(_from_plain_text(value))
    if isinstance(value, int | Decimal):
        return _in_range(Decimal(value))
    raise InvalidAmount('An amount is text such as "1234.50".')


def positive(value: object, *, currency: object = CURRENCY) -> Decimal:
    """
    Read an amount that has to be more than zero, such as a payment's.

    :raises UnknownCurrency: if the currency is not USD
    :raises InvalidAmount: if it is no amount
    :raises NotPositive: if it is zero or negative
    """
    amount = parse(value, currency=currency)
    if amount <= 0:
        raise NotPositive(f"The amount must be more than zero; {format_money(amount)} is not.")
    return amount


def parse_written(text: str) -> Decimal:
    """
    Read an amount as people write it in a spreadsheet: "$1,234.50", "1,234", "(250.00)", "-$5".

    Only what can be read one way is read. Text such as "1.234,50" or "1,23" is refused, because the
    two readings of it are a thousand times apart.

    :raises InvalidAmount: if it is no amount, or could be read in two ways
    """
    written = text.strip()
    if not written:
        raise InvalidAmount("The amount is empty.")
    negative = False
    if written.startswith("(") and written.endswith(")"):
        negative, written = True, written[1:-1].strip()
    signs = re.match(r"-?\s*\$?\s*-?\s*", written)
    prefix = signs.group() if signs else ""
    if prefix.count("-") + negative > 1:
        raise InvalidAmount(f"{_shown(text)} carries more than one minus sign.")
    negative = negative or "-" in prefix
    found = _WRITTEN.fullmatch(written[len(prefix) :])
    if found is None:
        raise InvalidAmount(
            f"{_shown(text)} is not an amount; write 1,234.50, with commas between thousands "
            "and a point before the cents."
        )
    number = _joined(found["whole"].replace(",", ""), found["cents"], text)
    return _in_range(-number if negative else number)


def require_known_currency(currency: object) -> None:
    """
    Refuse every currency but the one that the books are kept in.

    :raises UnknownCurrency: if it is not USD
    """
    if currency != CURRENCY:
        raise UnknownCurrency(f"Only {CURRENCY} is dealt in here, not {_shown(currency)}.")


def allocate(total: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """
    Split a total in proportion to the weights, losing and inventing nothing.

    Each share is rounded down to the cent; the cents left over go one each to the
    largest remainders, and to the earlier share when remainders tie. A negative total is
    split as its opposite would be, so that a reversal mirrors what it reverses.

    :raises InvalidAmount: if the total is not in whole cents
    :raises ValueError: if a weight is negative, or all are zero and the total is not
    """
    cents = as_cents(total)
    whole = sum(weights)
    if any(weight < 0 for weight in weights):
        raise ValueError("Weights cannot be negative.")
    if whole == 0:
        if cents:
            raise ValueError("Nothing can be split among weights that are all zero.")
        return [ZERO for _ in weights]
    parts = [divmod(abs(cents) * weight, whole) for weight in weights]
    shares = [share for share, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    for place in by_remainder[: abs(cents) - sum(shares)]:
        shares[place] += 1
    return [from_cents(-share if cents < 0 else share) for share in shares]


def as_cents(amount: Decimal) -> int:
    """
    Count the cents in an amount.

    :raises InvalidAmount: if it is not in whole cents
    """
    if not amount.is_finite():
        raise InvalidAmount("An amount is a finite number.")
    numerator, denominator = amount.as_integer_ratio()
    cents, rest = divmod(numerator * 100, denominator)
    if rest:
        raise InvalidAmount(f"{_shown(amount)} is not in whole cents.")
    return cents


def from_cents(cents: int) -> Decimal:
    """Turn a number of cents into an amount with its two places."""
    return Decimal(cents).scaleb(-2)


def format_money(amount: Decimal, *, parentheses: bool = False) -> str:
    """
    Write an amount for people: "$1,234.50", and "-$1,234.50" or "($1,234.50)" below zero.

    :raises InvalidAmount: if it is not in whole cents
    """
    exact = from_cents(as_cents(amount))
    figures = f"${abs(exact):,.2f}"
    if exact >= 0:
        return figures
    return f"({figures})" if parentheses else f"-{figures}"


def to_json(amount: Decimal) -> str:
    """
    Write an amount for programs: "1234.50", always with two places and no separators.

    :raises InvalidAmount: if it is not in whole cents
    """
    text = str(amount)
    # As the database gives them; anything else is looked at.
    if text[-3:-2] == "." and text != "-0.00" and isinstance(amount, Decimal):
        return text
    return f"{from_cents(as_cents(amount)):.2f}"


class MoneyField(_DecimalField[_Set, _Get]):
    """
    A column of money, numeric(18,2), that refuses what PostgreSQL would round in silence.

    Migrations show it as the plain DecimalField that it is to the database.
    """

    def __init__(self, verbose_name: Any = None, name: str | None = None, **options: Any) -> None:
        options["max_digits"] = 18
        options["decimal_places"] = 2
        super().__init__(verbose_name, name, **options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Describe this column to migrations as a plain DecimalField."""
        name, _, args, options = super().deconstruct()
        return str(name), "django.db.models.DecimalField", list(args), dict(options)

    def to_python(self, value: Any) -> Any:
        """
        Read a value from a form or a fixture.

        :raises ValidationError: if it is a float or a truth value
        """
        if isinstance(value, float | bool):
            raise ValidationError("Money is a decimal number, never a float.", code="invalid")
        return super().to_python(value)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """
        Hand a value to the database.

        :raises InvalidAmount: if it is not in whole cents or is too large
        """
        if value is not None and not hasattr(value, "as_sql"):
            value = _in_range(Decimal(self.to_python(value)))
        return super().get_db_prep_save(value, connection)


def _from_plain_text(value: str) -> Decimal:
    text = value.strip()
    if not text:
        raise InvalidAmount("The amount is empty.")
    found = _PLAIN.fullmatch(text)
    if found is None:
        raise InvalidAmount(f"{_shown(value)} is not an amount; write digits and a point, such as 1234.50.")
    number = _joined(found["whole"], found["cents"], value)
    return -number if found["sign"] else number


def _joined(whole: str, cents: str | None, text: str) -> Decimal:
    if cents is not None and len(cents) > 2:
        raise InvalidAmount(f"{_shown(text)} has more than two decimals; money is counted in whole cents.")
    return Decimal(f"{whole}.{cents or '00'}")


def _in_range(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise InvalidAmount("An amount is a finite number.")
    if abs(number) > MAX_AMOUNT:
        raise InvalidAmount(f"The amount is too large; the most is {MAX_AMOUNT:,}.")
    if number != number.quantize(CENT):
        raise InvalidAmount(f"{_shown(number)} is not in whole cents.")
    # Adding zero turns a minus zero, which would be written "-0.00", into zero.
    return number.quantize(CENT) + ZERO


def _shown(value: object) -> str:
    """Quote what somebody sent, but never a page of it."""
    # Only text and decimals are quoted: an int may be too long to be written out.
    text = str(value) if isinstance(value, str | Decimal) else type(value).__name__
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"
