"""How capital calls and capital accounts are written."""

from rest_framework import serializers

from distributions.models import CapitalCall, CapitalCallItem
from distributions.models.capital_calls import CallItemStatus, CapitalCallKind, CapitalCallStatus
from distributions.queries.capital_accounts import CapitalAccount
from realco.api.serializers.fields import EnumField, MoneyText, StrictSerializer, text
from realco.api.serializers.pages import DayField, PageQuerySerializer


class CapitalCallSerializer(serializers.Serializer[CapitalCall]):
    """A call of committed capital; rates are yearly fractions."""

    id = serializers.UUIDField(read_only=True)
    offering_id = serializers.UUIDField(read_only=True)
    call_number = text()
    kind = EnumField(CapitalCallKind, read_only=True)
    status = EnumField(CapitalCallStatus, read_only=True)
    notice_date = serializers.DateField(read_only=True)
    due_date = serializers.DateField(read_only=True)
    total_amount = MoneyText(read_only=True)
    purpose = text()
    interest_rate = text()
    premium_rate = text()
    day_count = text()
    created_at = serializers.DateTimeField(read_only=True)


class CapitalCallListQuerySerializer(PageQuerySerializer):
    """Which calls, and which page of them."""

    status = EnumField(CapitalCallStatus, required=False)
    offering_id = serializers.UUIDField(required=False)


class CapitalCallItemSerializer(serializers.Serializer[CapitalCallItem]):
    """What one investment owes of a call; interest is known when it is paid."""

    id = serializers.UUIDField(read_only=True)
    call_id = serializers.UUIDField(read_only=True)
    investment_id = serializers.UUIDField(read_only=True)
    investor_id = serializers.UUIDField(read_only=True)
    status = EnumField(CallItemStatus, read_only=True)
    commitment_amount = MoneyText(read_only=True)
    amount = MoneyText(read_only=True)
    premium_amount = MoneyText(read_only=True)
    interest_amount = MoneyText(read_only=True)
    paid_amount = MoneyText(read_only=True)
    paid_date = serializers.DateField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)


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
    drifts = serializers.ListField(child=serializers.CharField(), read_only=True)


class CapitalAccountsSerializer(serializers.Serializer[dict[str, object]]):
    """The accounts of an offering that one may see, as of a day."""

    on = serializers.DateField(read_only=True)
    results = CapitalAccountSerializer(many=True, read_only=True)
