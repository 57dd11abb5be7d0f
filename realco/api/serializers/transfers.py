"""Transfers of investments as the API reads and writes them."""

from typing import Any, ClassVar

from rest_framework import serializers

from distributions.models import InvestmentTransfer
from distributions.models.transfers import TransferStatus
from distributions.operations import transfers
from realco.api.serializers.decisions import FractionField
from realco.api.serializers.fields import EnumField, MoneyText, StrictSerializer, TextField, moment, reference, text
from realco.api.serializers.pages import DayField, PageQuerySerializer
from realco.api.visibility import VIEW_TRANSFERS, is_viewer
from realco.money import to_json


class TransferSerializer(serializers.Serializer[InvestmentTransfer]):
    """
    A part of an investment that changes hands. The amounts are what it moved; of a proposed one, what it would now.

    Who did what, why, and where the documents are, is for staff, and null for everybody else.
    """

    STAFF_ONLY: ClassVar[tuple[str, ...]] = (
        "document_reference", "proposed_by_id", "approved_by_id", "cancelled_reason",
    )  # fmt: skip

    id = serializers.UUIDField(read_only=True)
    offering_id = serializers.UUIDField(read_only=True)
    seller_investment_id = serializers.UUIDField(read_only=True)
    seller_id = serializers.UUIDField(source="seller_investment.investor_id", read_only=True)
    buyer_id = serializers.UUIDField(read_only=True)
    buyer_investment_id = reference()
    part = FractionField(read_only=True)
    effective_date = serializers.DateField(read_only=True)
    status = EnumField(TransferStatus, read_only=True)
    committed_amount = MoneyText(read_only=True)
    funded_amount = MoneyText(read_only=True)
    returned_amount = MoneyText(read_only=True)
    proposed_at = moment()
    executed_at = moment()
    cancelled_at = moment()
    created_at = serializers.DateTimeField(read_only=True)
    document_reference = text(allow_null=True, help_text="For staff.")
    proposed_by_id = reference(help_text="For staff.")
    approved_by_id = reference(help_text="For staff.")
    cancelled_reason = text(allow_null=True, help_text="For staff.")

    def to_representation(self, instance: InvestmentTransfer) -> dict[str, Any]:
        """Write the transfer, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        if instance.status == TransferStatus.PROPOSED:
            moved = transfers.what_moves(instance.seller_investment, instance.part)
            content.update(
                committed_amount=to_json(moved.committed),
                funded_amount=to_json(moved.funded),
                returned_amount=to_json(moved.returned),
            )
        if not is_viewer(self.context["request"].user, VIEW_TRANSFERS):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class TransferListQuerySerializer(PageQuerySerializer):
    """Which transfers, and which page of them."""

    status = EnumField(TransferStatus, required=False)
    offering_id = serializers.UUIDField(required=False)


class TransferOrderSerializer(StrictSerializer):
    """Whose investment goes to whom, how much of it, and from when."""

    investment_id = serializers.UUIDField()
    buyer_id = serializers.UUIDField()
    part = FractionField(help_text="Above 0 and up to 1, which is all of it.")
    effective_date = DayField(help_text="Today or earlier, after the last distribution and contribution.")
    document_reference = TextField(max_length=200, help_text="Where the signed papers are.")
