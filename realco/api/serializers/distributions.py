"""Distributions and their allocations as the API reads and writes them."""

from typing import Any, ClassVar

from rest_framework import serializers

from distributions.models import Distribution, DistributionAllocation
from distributions.models.distributions import AllocationStatus, DistributionStatus, DistributionType
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


class DistributionSerializer(serializers.Serializer[Distribution]):
    """
    Money an offering sends back. `net_amount` is what the four tiers share.

    Who did what is for staff, and null for everybody else.
    """

    STAFF_ONLY: ClassVar[tuple[str, ...]] = (
        "content_hash", "created_by_id", "executed_by_id", "cancelled_by_id", "cancelled_reason",
    )  # fmt: skip

    id = serializers.UUIDField(read_only=True)
    distribution_number = text()
    offering_id = serializers.UUIDField(read_only=True)
    escrow_account_id = serializers.UUIDField(read_only=True)
    type = EnumField(DistributionType, read_only=True)
    status = EnumField(DistributionStatus, read_only=True)
    currency = CurrencyField(read_only=True)
    total_amount = MoneyText(read_only=True)
    platform_fee_amount = MoneyText(read_only=True)
    net_amount = MoneyText(read_only=True)
    return_of_capital_total = MoneyText(read_only=True)
    preferred_return_total = MoneyText(read_only=True)
    sponsor_catch_up_total = MoneyText(read_only=True)
    profit_split_total = MoneyText(read_only=True)
    waterfall_tiers = serializers.ListField(child=serializers.JSONField(), read_only=True)
    as_of_date = serializers.DateField(read_only=True)
    description = text()
    submitted_at = moment()
    approved_at = moment()
    executed_at = moment()
    completed_at = moment()
    cancelled_at = moment()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    content_hash = text(allow_null=True, help_text="For staff: what an approver signs.")
    created_by_id = reference(help_text="For staff.")
    executed_by_id = reference(help_text="For staff.")
    cancelled_by_id = reference(help_text="For staff.")
    cancelled_reason = text(allow_null=True, help_text="For staff.")

    def to_representation(self, instance: Distribution) -> dict[str, Any]:
        """Write the distribution, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        if not self.context["request"].user.has_perm("distributions.view_distribution"):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class DistributionOrderSerializer(StrictSerializer):
    """A distribution to be drawn up."""

    offering_id = serializers.UUIDField()
    type = EnumField(DistributionType)
    total_amount = AmountField()
    as_of_date = DayField(help_text="The day up to which preferred return accrues.")
    description = TextField(required=False, allow_blank=True, default="")


class DistributionListQuerySerializer(PageQuerySerializer):
    """Which distributions, and which page of them."""

    status = EnumField(DistributionStatus, required=False)
    type = EnumField(DistributionType, required=False)
    offering_id = serializers.UUIDField(required=False)


class DistributionApprovalSerializer(StrictSerializer):
    """A signature under the numbers that were previewed."""

    content_hash = TextField(max_length=64, help_text="The `content_hash` of the preview that was read.")
    note = TextField(required=False, allow_blank=True, default="")


class AllocationSerializer(serializers.Serializer[DistributionAllocation]):
    """What one payee gets of one distribution; the sponsor's share has no investment."""

    id = serializers.UUIDField(read_only=True)
    distribution_id = serializers.UUIDField(read_only=True)
    investor_id = serializers.UUIDField(read_only=True)
    investment_id = reference()
    status = EnumField(AllocationStatus, read_only=True)
    return_of_capital = MoneyText(read_only=True)
    preferred_return = MoneyText(read_only=True)
    sponsor_catch_up = MoneyText(read_only=True)
    profit_split = MoneyText(read_only=True)
    total_amount = MoneyText(read_only=True)
    fee_amount = MoneyText(read_only=True)
    net_amount = MoneyText(read_only=True)
    transaction_id = reference()
    failure_reason = text()
    processed_at = moment()
    created_at = serializers.DateTimeField(read_only=True)


class AllocationListQuerySerializer(PageQuerySerializer):
    """Which allocations, and which page of them."""

    status = EnumField(AllocationStatus, required=False)
