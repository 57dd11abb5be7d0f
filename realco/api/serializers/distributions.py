"""Distributions and their allocations as the API reads and writes them."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers

from distributions.models import Distribution, DistributionAllocation, WaterfallTerms
from distributions.models.allocations import AllocationStatus
from distributions.models.distributions import DistributionNature, DistributionStatus, DistributionType
from distributions.queries import investor_distributions, payees
from distributions.queries.distributions import Preview, Stages
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
from realco.api.serializers.reinvestments import ReinvestmentSerializer
from realco.api.visibility import is_viewer
from realco.models import User
from realco.money import ZERO


class DistributionSerializer(serializers.Serializer[Distribution]):
    """
    Money an offering sends back. `net_amount` is what the four tiers share, or, where `nature` is `PREMIUM`, the
    interest of a late closing that is paid on to earlier investors, outside of the waterfall.

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
    nature = EnumField(DistributionNature, read_only=True)
    status = EnumField(DistributionStatus, read_only=True)
    currency = CurrencyField(read_only=True)
    total_amount = MoneyText(read_only=True)
    platform_fee_amount = MoneyText(read_only=True)
    net_amount = MoneyText(read_only=True)
    return_of_capital_total = MoneyText(read_only=True)
    preferred_return_total = MoneyText(read_only=True)
    sponsor_catch_up_total = MoneyText(read_only=True)
    profit_split_total = MoneyText(read_only=True)
    premium_total = MoneyText(read_only=True)
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
        if not is_viewer(self.context["request"].user, "distributions.view_distribution"):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class DistributionOrderSerializer(StrictSerializer):
    """A distribution to be drawn up."""

    offering_id = serializers.UUIDField()
    type = EnumField(DistributionType)
    total_amount = AmountField()
    platform_fee_amount = AmountField(
        required=False, default=ZERO, help_text="Comes off the top; the tiers share what is left."
    )
    as_of_date = DayField(help_text="The day up to which preferred return accrues.")
    description = TextField(required=False, allow_blank=True, default="")


class DistributionListQuerySerializer(PageQuerySerializer):
    """Which distributions, and which page of them."""

    status = EnumField(DistributionStatus, required=False)
    type = EnumField(DistributionType, required=False)
    nature = EnumField(DistributionNature, required=False)
    offering_id = serializers.UUIDField(required=False)


class DistributionApprovalSerializer(StrictSerializer):
    """A signature under the numbers that were previewed."""

    content_hash = TextField(max_length=64, help_text="The `content_hash` of the preview that was read.")
    note = TextField(required=False, allow_blank=True, default="")


class DistributionRetrySerializer(StrictSerializer):
    """Where failed payments are sent this time: to the account each payee verified last, unless it is said here."""

    bank_accounts = serializers.DictField(
        child=serializers.UUIDField(),
        required=False,
        default=dict,
        help_text="From the id of a failed allocation to the id of the payee's bank account to use.",
    )

    def validate_bank_accounts(self, chosen: dict[str, UUID]) -> dict[UUID, UUID]:
        """
        Read the ids of the allocations.

        :raises ValidationError: if one is none
        """
        try:
            return {UUID(allocation): account for allocation, account in chosen.items()}
        except ValueError as error:
            raise serializers.ValidationError("Name each allocation by its id.") from error


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
    premium_amount = MoneyText(read_only=True)
    total_amount = MoneyText(read_only=True)
    fee_amount = MoneyText(read_only=True)
    withholding_amount = MoneyText(read_only=True)
    net_amount = MoneyText(read_only=True)
    transaction_id = reference()
    failure_reason = text()
    waiting_reason = text(help_text="What keeps this payee from being paid; paid by itself once that is mended.")
    waiting_since = moment()
    override_reason = text(help_text="Why people decided otherwise than the waterfall; `calculated` is what it gave.")
    calculated = serializers.DictField(child=serializers.CharField(), read_only=True, allow_null=True)
    written_off_at = moment(help_text="When two people ended it unpaid; it is CANCELLED then.")
    written_off_reason = serializers.SerializerMethodField()
    reinvestments = ReinvestmentSerializer(many=True, read_only=True)
    processed_at = moment()
    created_at = serializers.DateTimeField(read_only=True)

    def get_written_off_reason(self, allocation: DistributionAllocation) -> str:
        """Say why it was written off."""
        return investor_distributions.written_off_because(allocation)

    def to_representation(self, instance: DistributionAllocation) -> dict[str, Any]:
        """Write the allocation; what compliance has to do with its waiting is not for the payee to read."""
        content = super().to_representation(instance)
        content["reinvestments"] = [one for one in content["reinvestments"] if one["status"] != "CANCELLED"]
        if not is_viewer(self.context["request"].user, "distributions.view_distribution"):
            content["waiting_reason"] = payees.shown_to_payee(instance.waiting_reason)
        return content


class AllocationListQuerySerializer(PageQuerySerializer):
    """Which allocations, and which page of them."""

    status = EnumField(AllocationStatus, required=False)


class TermsSerializer(serializers.Serializer[WaterfallTerms]):
    """The version of the waterfall's terms that the numbers follow."""

    id = serializers.UUIDField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    effective_from = serializers.DateField(read_only=True)


class PreviewAllocationSerializer(serializers.Serializer[DistributionAllocation]):
    """What one payee would get."""

    investor_id = serializers.UUIDField(read_only=True)
    investor_name = text(source="investor.full_name")
    investment_id = reference()
    return_of_capital = MoneyText(read_only=True)
    preferred_return = MoneyText(read_only=True)
    sponsor_catch_up = MoneyText(read_only=True)
    profit_split = MoneyText(read_only=True)
    premium_amount = MoneyText(read_only=True)
    total_amount = MoneyText(read_only=True)
    fee_amount = MoneyText(read_only=True)
    withholding_amount = MoneyText(read_only=True)
    net_amount = MoneyText(read_only=True)


class StagesSerializer(serializers.Serializer[Stages]):
    """
    How many payees of a distribution have come how far; whoever is at a stage has passed those before it.

    `waiting` are not paid until what keeps them from it is mended, `failed` until they are paid again. Those
    written off are no payees any more and not among the total.
    """

    total = serializers.IntegerField(read_only=True)
    made = serializers.IntegerField(read_only=True)
    sent = serializers.IntegerField(read_only=True)
    arrived = serializers.IntegerField(read_only=True)
    paid = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    waiting = serializers.IntegerField(read_only=True)
    written_off = serializers.IntegerField(read_only=True)
    is_running = serializers.BooleanField(read_only=True)


class SignerSerializer(serializers.Serializer[User]):
    """Somebody whose signature is under the present numbers."""

    id = serializers.UUIDField(read_only=True)
    full_name = text()


class DistributionPreviewSerializer(serializers.Serializer[Preview]):
    """
    A distribution's numbers: of a draft as they stand now, of a submitted one as they were frozen.

    `content_hash` is what an approver signs, empty while it is a draft; `changes` says in words what has
    changed since the numbers were drawn up, and nothing can be signed while there are any.
    """

    terms = TermsSerializer(read_only=True, allow_null=True)
    tiers = serializers.ListField(child=serializers.JSONField(), read_only=True)
    allocations = PreviewAllocationSerializer(many=True, read_only=True)
    available = MoneyText(read_only=True)
    content_hash = text()
    changes = serializers.ListField(child=serializers.CharField(), read_only=True)
    signers = SignerSerializer(many=True, read_only=True)
    signatures_needed = serializers.IntegerField(read_only=True)
    reinvestments = ReinvestmentSerializer(many=True, read_only=True)
