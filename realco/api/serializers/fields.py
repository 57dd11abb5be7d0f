"""
How values are written and read: money as text with two places, known values by name, nothing unknown.

What is read is refused in words at its own field, so that a caller learns of every mistake at once.
"""

from decimal import Decimal
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from realco import money
from realco.errors import Refusal

MAX_METADATA = 50


@extend_schema_field(
    {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "example": "1234.50", "description": "US dollars."},
    component_name="Money",
)
class MoneyText(serializers.Field[Any, Any, str, Any]):
    """An amount going out: text with two places."""

    def to_representation(self, value: Decimal) -> str:
        """Write the amount."""
        return money.to_json(value)


@extend_schema_field(
    {
        "oneOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$"}, {"type": "integer", "minimum": 1}],
        "example": "1234.50",
        "description": "US dollars, more than zero, in whole cents; text, or an integer of whole dollars.",
    },
    component_name="Amount",
)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """An amount coming in: text or an integer; a number with a point is refused, because senders' floats lose cents."""

    def to_internal_value(self, data: Any) -> Decimal:
        """
        Read a positive amount.

        :raises ValidationError: in the words of `realco.money`
        """
        try:
            amount = money.positive(data)
        except Refusal as refusal:
            raise serializers.ValidationError(refusal.message) from refusal
        if isinstance(data, Decimal):
            raise serializers.ValidationError(
                f'An amount is sent as text such as "{money.to_json(amount)}", because a float loses cents.'
            )
        return amount


@extend_schema_field({"type": "string", "enum": [money.CURRENCY]}, component_name="Currency")
class CurrencyField(serializers.CharField):
    """The currency; there is only one, and every other is refused in words."""

    def to_internal_value(self, data: Any) -> str:
        """
        Read a currency.

        :raises ValidationError: if it is not dealt in here
        """
        currency = super().to_internal_value(data)
        try:
            money.require_known_currency(currency)
        except Refusal as refusal:
            raise serializers.ValidationError(refusal.message) from refusal
        return currency


class EnumField(serializers.ChoiceField):
    """One of an enumeration's values; the schema names the enumeration once and refers to it."""

    def __init__(self, enumeration: type[models.TextChoices], **options: Any) -> None:
        self.enumeration = enumeration
        super().__init__(choices=enumeration.choices, **options)
        self.error_messages["invalid_choice"] = f"“{{input}}” is not one of {', '.join(enumeration.values)}."

    def to_internal_value(self, data: Any) -> Any:
        """
        Read a value.

        :raises ValidationError: naming the values there are
        """
        if not isinstance(data, str):
            self.fail("invalid_choice", input=type(data).__name__)
        return super().to_internal_value(data[:60])


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": 500},
        "maxProperties": MAX_METADATA,
        "example": {"batch": "2026-03"},
        "description": "Your own notes on it: at most 50 names of 40 characters, each with a text of 500.",
    },
    component_name="Metadata",
)
class MetadataField(serializers.DictField):
    """Names and texts that a caller keeps on a row."""

    child: Any = serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> Any:
        """
        Read the notes.

        :raises ValidationError: if there are too many, a name is too long or ours, or a value is not text
        """
        notes = super().to_internal_value(data)
        if len(notes) > MAX_METADATA:
            raise serializers.ValidationError(f"Give at most {MAX_METADATA} names.")
        name = serializers.CharField(max_length=40)
        for key in notes:
            name.run_validation(key)
            if key == "fees":
                raise serializers.ValidationError("The name “fees” is taken; choose another.")
        return notes


class TextField(serializers.CharField):
    """Text of at most 300 characters, unless it says otherwise."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 300)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        """
        Read the text.

        :raises ValidationError: if it is a number or a truth value
        """
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Something coming in; what it does not know it refuses, because a misspelt field would be silently left out."""

    def to_internal_value(self, data: Any) -> Any:
        """
        Read the fields.

        :raises ValidationError: naming every field that is wrong or unknown
        """
        unknown = {str(name)[:60]: ["This field is not known here."] for name in data if name not in self.fields}
        try:
            content = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return content


class ReasonSerializer(StrictSerializer):
    """Why this is done; it stays in the audit trail."""

    reason = TextField()


class OptionalReasonSerializer(StrictSerializer):
    """Why this is done, if there is something to say."""

    reason = TextField(required=False, allow_blank=True, default="")


class NothingSerializer(StrictSerializer):
    """No fields: send an empty object, or nothing."""


class ErrorBodySerializer(serializers.Serializer[Any]):
    """What went wrong: a code for programs, words for people, and figures or fields that explain it."""

    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField(child=serializers.JSONField())


class ErrorSerializer(serializers.Serializer[Any]):
    """The body of every error."""

    error = ErrorBodySerializer()


def reference(**options: Any) -> serializers.UUIDField:
    """Return a field for the id of another row, which may be none."""
    return serializers.UUIDField(read_only=True, allow_null=True, **options)


def moment(**options: Any) -> serializers.DateTimeField:
    """Return a field for when something happened, which it may not have yet."""
    return serializers.DateTimeField(read_only=True, allow_null=True, **options)


def text(**options: Any) -> serializers.CharField:
    """Return a field for words going out."""
    return serializers.CharField(read_only=True, **options)
