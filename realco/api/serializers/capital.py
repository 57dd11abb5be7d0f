"""How capital calls and capital accounts are read and written."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from distributions.day_counts import DayCount
from distributions.models import CapitalCall
from distributions.models.capital_calls import CallItemStatus, CapitalCallKind, CapitalCallStatus
from distributions.operations.capital_calls import NOTICE_DAYS
from distributions.queries.capital_accounts import CapitalAccount
from finance.models.transactions import PaymentMethod
from realco import money
from realco.api.serializers.decisions import FractionField
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
from realco.api.visibility import VIEW_CALLS, is_viewer
from realco.money import ZERO


class CapitalCallSerializer(serializers.Serializer[CapitalCall]):
    """
    A call of committed capital; rates are yearly fractions.

    Who did what, and why, is for staff, and null for everybody else.
    """

    STAFF_ONLY: ClassVar[tuple[str, ...]] = ("created_by_id", "approved_by_id", "cancelled_reason")

    id = serializers.UUIDField(read_only=True)
    offering_id = serializers.UUIDField(read_only=True)
    call_number = text()
    kind = EnumField(CapitalCallKind, read_only=True)
    status = EnumField(CapitalCallStatus, read_only=True)
    notice_date = serializers.DateField(read_only=True)
    due_date = serializers.DateField(read_only=True)
    notice_days = serializers.IntegerField(read_only=True)
    total_amount = MoneyText(read_only=True)
    purpose = text()
    interest_rate = serializers.DecimalField(max_digits=7, decimal_places=6, read_only=True)
    premium_rate = serializers.DecimalField(max_digits=7, decimal_places=6, read_only=True)
    day_count = text()
    approved_at = moment()
    completed_at = moment()
    cancelled_at = moment()
    created_at = serializers.DateTimeField(read_only=True)
    created_by_id = reference(help_text="For staff.")
    approved_by_id = reference(help_text="For staff.")
    cancelled_reason = text(allow_null=True, help_text="For staff.")

    def to_representation(self, instance: CapitalCall) -> dict[str, Any]:
        """Write the call, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        if not is_viewer(self.context["request"].user, VIEW_CALLS):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class CapitalCallOrderSerializer(StrictSerializer):
    """A call to be drawn up. A late closing has no amount: it comes to the shares of those who came later."""

    offering_id = serializers.UUIDField()
    kind = EnumField(CapitalCallKind, required=False, default=CapitalCallKind.REGULAR)
    total_amount = AmountField(required=False, help_text="How much is called; not of a late closing.")
    currency = CurrencyField(required=False, default=money.CURRENCY)
    notice_date = DayField(help_text="It has to be approved by this day, New York time.")
    due_date = DayField()
    notice_days = serializers.IntegerField(
        required=False, default=NOTICE_DAYS, min_value=1, max_value=250, help_text="Business days of notice at least."
    )
    purpose = TextField(help_text="The investors read it.")
    interest_rate = FractionField(required=False, default=ZERO, help_text="A year, simple, on what is late.")
    premium_rate = FractionField(required=False, default=ZERO, help_text="A year, on shares of earlier calls.")
    day_count = serializers.ChoiceField(
        choices=[one.value for one in DayCount], required=False, default=DayCount.ACT_365.value
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for an amount where one is called, and for a premium only where there is one.

        :raises ValidationError: if one is missing or means nothing
        """
        is_late = attrs["kind"] == CapitalCallKind.LATE_CLOSING
        if is_late and "total_amount" in attrs:
            raise serializers.ValidationError({"total_amount": ["A late closing comes to what the shares come to."]})
        if not is_late and "total_amount" not in attrs:
            raise serializers.ValidationError({"total_amount": ["Say how much is called."]})
        if not is_late and attrs["premium_rate"]:
            raise serializers.ValidationError({"premium_rate": ["Only a late closing has a premium."]})
        return attrs


class CapitalCallListQuerySerializer(PageQuerySerializer):
    """Which calls, and which page of them."""

    status = EnumField(CapitalCallStatus, required=False)
    offering_id = serializers.UUIDField(required=False)


class CapitalCallItemSerializer(serializers.Serializer[Any]):
    """
    What one investment owes of a call, and what it comes to if what is missing is asked for today.

    `interest_amount` is nothing until it is paid; `total_today` has the interest up to now in it, and
    `missing_amount` is what neither has cleared nor is on its way.
    """

    id = serializers.UUIDField(source="item.pk", read_only=True)
    call_id = serializers.UUIDField(source="item.call_id", read_only=True)
    investment_id = serializers.UUIDField(source="item.investment_id", read_only=True)
    investor_id = serializers.UUIDField(source="item.investor_id", read_only=True)
    status = EnumField(CallItemStatus, source="item.status", read_only=True)
    commitment_amount = MoneyText(source="item.commitment_amount", read_only=True)
    amount = MoneyText(source="item.amount", read_only=True)
    premium_amount = MoneyText(source="item.premium_amount", read_only=True)
    interest_amount = MoneyText(source="item.interest_amount", read_only=True)
    paid_amount = MoneyText(source="item.paid_amount", read_only=True)
    paid_date = serializers.DateField(source="item.paid_date", read_only=True, allow_null=True)
    total_today = MoneyText(source="due.total", read_only=True)
    received_amount = MoneyText(source="due.received", read_only=True)
    under_way_amount = MoneyText(source="due.under_way", read_only=True)
    missing_amount = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="item.created_at", read_only=True)

    @extend_schema_field(MoneyText)
    def get_missing_amount(self, owed: Any) -> str:
        """Say what is still missing; of an item that is not open, nothing is."""
        return money.to_json(owed.due.missing if owed.item.status == CallItemStatus.OPEN else ZERO)


class CapitalCallItemListQuerySerializer(PageQuerySerializer):
    """Which items, and which page of them."""

    status = EnumField(CallItemStatus, required=False)


class CallPaymentOrderSerializer(StrictSerializer):
    """How an item is paid. ACH debits the investor's bank account; a wire or a check has come, or is coming."""

    payment_method = EnumField(PaymentMethod)
    bank_account_id = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="The investor's own, verified one; ACH needs it."
    )
    amount = AmountField(required=False, help_text="What shall arrive; all that is missing today if left out.")
    gross_amount = AmountField(
        required=False, help_text="The payment itself, instead, such as a wire that has come; its fee is taken off."
    )
    currency = CurrencyField(required=False, default=money.CURRENCY)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Take one of the two amounts at most.

        :raises ValidationError: if both were sent
        """
        if "amount" in attrs and "gross_amount" in attrs:
            raise serializers.ValidationError({"gross_amount": ["Give amount or gross_amount, one of the two."]})
        return attrs


class OwedPremiumSerializer(serializers.Serializer[Any]):
    """A part of a premium, and to whom it is owed."""

    investor_id = serializers.UUIDField(read_only=True)
    amount = MoneyText(read_only=True)


class LateShareSerializer(serializers.Serializer[Any]):
    """An item's share of one earlier call, and the premium on it."""

    item_id = serializers.UUIDField(read_only=True)
    earlier_call_id = serializers.UUIDField(read_only=True)
    capital_amount = MoneyText(read_only=True)
    premium_amount = MoneyText(read_only=True)
    owed_to = OwedPremiumSerializer(many=True, read_only=True)
    distribution_id = reference(help_text="The distribution that pays the premium on, from its draft.")


class EqualisationSerializer(serializers.Serializer[Any]):
    """What a late closing equalises; empty for other calls."""

    results = LateShareSerializer(many=True, read_only=True)


class CapitalAccountQuerySerializer(StrictSerializer):
    """As of which day."""

    on = DayField(required=False, default=None, help_text="The end of this day in New York; today if left out.")


class CapitalAccountSerializer(serializers.Serializer[CapitalAccount]):
    """
    Where one investor stands in an offering, from the replay of its ledger.

    `drifts` says in words where stored totals differ from that.
    """

    investment_id = serializers.UUIDField(read_only=True)
    investor_id = serializers.UUIDField(read_only=True)
    committed = MoneyText(read_only=True)
    called = MoneyText(read_only=True)
    uncalled = MoneyText(read_only=True)
    contributed = MoneyText(read_only=True)
    returned = MoneyText(read_only=True)
    preferred_accrued = MoneyText(read_only=True)
    preferred_paid = MoneyText(read_only=True)
    preferred_owed = MoneyText(read_only=True)
    profit = MoneyText(read_only=True)
    net = MoneyText(read_only=True)
    premium = MoneyText(read_only=True, help_text="Interest of late closings that was paid on; not part of the rest.")
    drifts = serializers.ListField(child=serializers.CharField(), read_only=True)


class CapitalAccountsSerializer(serializers.Serializer[dict[str, object]]):
    """The accounts of an offering that one may see, as of a day."""

    on = serializers.DateField(read_only=True)
    results = CapitalAccountSerializer(many=True, read_only=True)
