"""Overrides, rates of withholding and remitted deductions as the API reads and writes them."""

from decimal import Decimal, InvalidOperation
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from distributions.models import DistributionAllocation, WithholdingRate
from distributions.models.allocation_lines import LineKind
from distributions.queries.deductions import Deducted
from distributions.queries.entitlements import PARTS
from realco import money
from realco.api.serializers.fields import (
    AmountField,
    CurrencyField,
    EnumField,
    MoneyText,
    StrictSerializer,
    TextField,
    moment,
    reference,
    text,
)
from realco.api.serializers.pages import DayField, PageQuerySerializer
from realco.money import ZERO


@extend_schema_field(
    {
        "oneOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$"}, {"type": "integer", "minimum": 0}],
        "example": "510.00",
        "description": "US dollars in whole cents, nothing or more; text, or an integer of whole dollars.",
    },
    component_name="Part",
)
class PartField(AmountField):
    """What a part of a line is to be, which may be nothing."""

    def to_internal_value(self, data: Any) -> Decimal:
        """
        Read an amount that is not negative.

        :raises ValidationError: in the words of `realco.money`
        """
        is_nothing = (data == 0 and type(data) is int) or (isinstance(data, str) and data in ("0", "0.0", "0.00"))
        return ZERO if is_nothing else super().to_internal_value(data)


@extend_schema_field(
    {"type": "string", "pattern": r"^0(\.[0-9]{1,10})?$|^1(\.0+)?$", "example": "0.24"}, component_name="Fraction"
)
class FractionField(serializers.Field[Decimal, Any, str, Any]):
    """A fraction, as text: 24% is "0.24". What it may be, the operation says."""

    def to_internal_value(self, data: Any) -> Decimal:
        """
        Read a fraction.

        :raises ValidationError: if it is no plain number as text
        """
        if not isinstance(data, str) or not data.isascii() or not data.replace(".", "", 1).isdigit() or len(data) > 20:
            raise serializers.ValidationError('Send a fraction as text: 24% is "0.24".')
        try:
            return Decimal(data)
        except InvalidOperation as error:
            raise serializers.ValidationError('Send a fraction as text: 24% is "0.24".') from error

    def to_representation(self, value: Decimal) -> str:
        """Write the fraction without zeros at its end."""
        return f"{value.normalize():f}"


class OverriddenSerializer(serializers.Serializer[DistributionAllocation]):
    """
    A line for which people decided otherwise than the waterfall: what it gave, and what was decided instead.

    An override changes two lines. `confirmed_by_id` is empty until a second person has confirmed it.
    """

    allocation_id = serializers.UUIDField(source="pk", read_only=True)
    investor_id = serializers.UUIDField(read_only=True)
    investor_name = text(source="investor.full_name")
    investment_id = reference()
    calculated = serializers.DictField(child=serializers.CharField(), read_only=True)
    return_of_capital = MoneyText(read_only=True)
    preferred_return = MoneyText(read_only=True)
    sponsor_catch_up = MoneyText(read_only=True)
    profit_split = MoneyText(read_only=True)
    total_amount = MoneyText(read_only=True)
    reason = text(source="override_reason")
    decided_by_id = reference(source="overridden_by_id")
    confirmed_by_id = reference(source="override_confirmed_by_id")
    confirmed_at = moment(source="override_confirmed_at")
    created_at = serializers.DateTimeField(read_only=True)


class OverrideListQuerySerializer(PageQuerySerializer):
    """Which overridden lines, and which page of them."""

    confirmed = serializers.BooleanField(required=False, allow_null=True, default=None)


class OverrideOrderSerializer(StrictSerializer):
    """A part of a payee's line that becomes an amount, and the line that makes up for it."""

    allocation_id = serializers.UUIDField(help_text="The line, among the distribution's allocations.")
    part = serializers.ChoiceField(choices=PARTS)
    amount = PartField(help_text="What this part is to be.")
    currency = CurrencyField(required=False, default=money.CURRENCY)
    against_id = serializers.UUIDField(help_text="The line that gets so much less of the same part, or more.")
    reason = TextField(help_text="The payees are shown it.")


class OverrideWithdrawalSerializer(StrictSerializer):
    """Why overrides are taken back, or refused."""

    reason = TextField()


class WithholdingRateSerializer(serializers.Serializer[WithholdingRate]):
    """
    The fraction of an investor's income that is withheld from a day on, until a newer rate says otherwise.

    Who entered it is for staff, and null for everybody else.
    """

    id = serializers.UUIDField(read_only=True)
    investor_id = serializers.UUIDField(read_only=True)
    rate = FractionField(read_only=True)
    reason = text()
    effective_from = serializers.DateField(read_only=True)
    entered_by_id = serializers.SerializerMethodField(help_text="For staff.")
    created_at = serializers.DateTimeField(read_only=True)

    @extend_schema_field({"type": "string", "format": "uuid", "nullable": True})
    def get_entered_by_id(self, rate: WithholdingRate) -> str | None:
        """Say who entered it, to staff."""
        return str(rate.entered_by_id) if self.context["request"].user.is_staff else None


class WithholdingRateListQuerySerializer(PageQuerySerializer):
    """Whose rates, and which page of them."""

    investor_id = serializers.UUIDField(required=False)


class WithholdingRateOrderSerializer(StrictSerializer):
    """A rate for an investor."""

    investor_id = serializers.UUIDField()
    rate = FractionField(help_text="From 0, which ends withholding, to below 1.")
    effective_from = DayField(help_text="The first day as of which distributions withhold by it.")
    reason = TextField(help_text="Such as the form that asks for it; the investor is shown it.")


class DeductedSerializer(serializers.Serializer[Deducted]):
    """
    What was taken off a distribution for one purpose: all of it, what was asked for to be remitted, what is left.

    Payments that failed or were cancelled do not count as asked for.
    """

    kind = EnumField(LineKind, read_only=True)
    taken_amount = MoneyText(read_only=True)
    asked_amount = MoneyText(read_only=True)
    due_amount = MoneyText(read_only=True)


class DeductionsSerializer(serializers.Serializer[Any]):
    """What was taken off a distribution, by purpose."""

    results = DeductedSerializer(many=True, read_only=True)


class RemittanceOrderSerializer(StrictSerializer):
    """What is remitted, all that is left of it, and to which bank account."""

    kind = EnumField(LineKind)
    bank_account_id = serializers.UUIDField(help_text="A verified bank account of the offering's sponsor.")
