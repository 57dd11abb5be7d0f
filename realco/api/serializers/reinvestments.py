"""How elections and reinvested parts are written and read."""

from decimal import Decimal

from rest_framework import serializers

from distributions.models import Reinvestment, ReinvestmentElection
from distributions.models.reinvestments import ElectionBasis, ElectionStatus, ReinvestmentStatus
from realco.api.serializers.fields import AmountField, EnumField, MoneyText, StrictSerializer, TextField, moment, text
from realco.api.serializers.pages import PageQuerySerializer


class ElectionSerializer(serializers.Serializer[ReinvestmentElection]):
    """What an investor chose for future distributions of one investment; `rate` is a fraction of what is due."""

    id = serializers.UUIDField(read_only=True)
    investor_id = serializers.UUIDField(read_only=True)
    investment_id = serializers.UUIDField(read_only=True)
    target_offering_id = serializers.UUIDField(read_only=True)
    basis = EnumField(ElectionBasis, read_only=True)
    rate = text(allow_null=True)
    amount = MoneyText(read_only=True, allow_null=True)
    status = EnumField(ElectionStatus, read_only=True)
    elected_at = moment()
    ended_at = moment()
    ended_reason = text()
    created_at = serializers.DateTimeField(read_only=True)


class ElectionOrderSerializer(StrictSerializer):
    """A choice for future distributions of one of one's own investments."""

    investment_id = serializers.UUIDField()
    target_offering_id = serializers.UUIDField()
    basis = EnumField(ElectionBasis, help_text="What `rate` or `amount` is needed with.")
    rate = serializers.DecimalField(
        max_digits=7,
        decimal_places=6,
        required=False,
        default=None,
        min_value=Decimal("0.000001"),
        max_value=Decimal(1),
        help_text="A fraction of what is due, with PERCENTAGE: 0.5 is half.",
    )
    amount = AmountField(required=False, default=None, help_text="Of each distribution, with AMOUNT.")


class ElectionListQuerySerializer(PageQuerySerializer):
    """Which elections, and which page of them."""

    status = EnumField(ElectionStatus, required=False)
    investment_id = serializers.UUIDField(required=False)


class WithdrawalSerializer(StrictSerializer):
    """Why it is withdrawn; needed of staff."""

    reason = TextField(required=False, allow_blank=True, default="")


class ReinvestmentSerializer(serializers.Serializer[Reinvestment]):
    """
    The part of an allocation that is reinvested; `reason` says why it is paid in cash instead, or was reversed.

    `transaction_id` is the payment that leaves; its counterpart is the deposit into the target.
    """

    allocation_id = serializers.UUIDField(read_only=True)
    target_offering_id = serializers.UUIDField(read_only=True)
    amount = MoneyText(read_only=True)
    status = EnumField(ReinvestmentStatus, read_only=True)
    transaction_id = serializers.UUIDField(source="outbound_id", read_only=True, allow_null=True)
    reason = text()
