"""Refund runs and their refunds as the API reads and writes them."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from finance.models import RefundItem, RefundRun
from finance.models.refund_runs import RefundCause, RefundItemStatus, RefundRunStatus
from finance.models.transactions import PaymentMethod
from finance.queries import refund_runs
from realco import clock
from realco.api.serializers.fields import EnumField, MoneyText, StrictSerializer, TextField, moment, reference, text
from realco.api.serializers.pages import PageQuerySerializer
from realco.api.visibility import is_viewer


class RefundRunSerializer(serializers.Serializer[RefundRun]):
    """
    Money going back to investors. An approver signs the `content_hash` of the figures.

    `clock` says in words how the time stands against `promised_by`. Who did what, and the sum over all
    investors, is for staff, and null for everybody else.
    """

    STAFF_ONLY: ClassVar[tuple[str, ...]] = (
        "content_hash", "total_amount", "largest_amount", "proposed_by_id", "signatures_needed", "signed_by_ids",
        "reason", "stopped_reason", "cancelled_reason", "report",
    )  # fmt: skip

    id = serializers.UUIDField(read_only=True)
    escrow_account_id = serializers.UUIDField(read_only=True)
    offering_id = serializers.UUIDField(read_only=True)
    cause = EnumField(RefundCause, read_only=True)
    status = EnumField(RefundRunStatus, read_only=True)
    promised_by = serializers.DateField(read_only=True)
    clock = serializers.SerializerMethodField()
    proposed_at = moment()
    started_at = moment()
    completed_at = moment()
    cancelled_at = moment()
    created_at = serializers.DateTimeField(read_only=True)
    total_amount = MoneyText(read_only=True, allow_null=True)
    largest_amount = MoneyText(read_only=True, allow_null=True)
    content_hash = text(allow_null=True, help_text="For staff: what an approver signs.")
    signatures_needed = serializers.IntegerField(read_only=True, allow_null=True)
    signed_by_ids = serializers.SerializerMethodField()
    proposed_by_id = reference(help_text="For staff.")
    reason = text(allow_null=True, help_text="For staff.")
    stopped_reason = text(allow_null=True, help_text="For staff: why paying has stopped, such as a frozen account.")
    cancelled_reason = text(allow_null=True, help_text="For staff.")
    report = serializers.JSONField(read_only=True, allow_null=True, help_text="For staff: the final figures.")

    def get_clock(self, run: RefundRun) -> str:
        """Say how the time stands."""
        return refund_runs.clock(run, at=clock.now()).words

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}, "nullable": True})
    def get_signed_by_ids(self, run: RefundRun) -> list[str]:
        """List who has signed."""
        return [str(approval.approver_id) for approval in run.approvals.all()]

    def to_representation(self, instance: RefundRun) -> dict[str, Any]:
        """Write the run, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        if not is_viewer(self.context["request"].user, refund_runs.VIEW):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class RefundItemSerializer(serializers.Serializer[RefundItem]):
    """
    What one deposit gives back: `amount` with the fee in it, less `kept_amount`, which was not there.

    What blocks a refund, in words, is for staff.
    """

    id = serializers.UUIDField(read_only=True)
    refund_run_id = serializers.UUIDField(read_only=True, source="run_id")
    investor_id = serializers.UUIDField(read_only=True)
    deposit_id = reference(help_text="The deposit it gives back; null for money that no deposit explains.")
    amount = MoneyText(read_only=True)
    fee_amount = MoneyText(read_only=True)
    kept_amount = MoneyText(read_only=True)
    status = EnumField(RefundItemStatus, read_only=True)
    method = EnumField(PaymentMethod, read_only=True)
    bank_account_id = reference()
    transaction_id = reference(source="payment_id")
    promised_by = serializers.DateField(read_only=True, allow_null=True)
    paid_at = moment()
    obstacle = text(allow_null=True, help_text="For staff.")
    note = text(allow_null=True, help_text="For staff.")
    created_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, instance: RefundItem) -> dict[str, Any]:
        """Write the refund, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        if not is_viewer(self.context["request"].user, refund_runs.VIEW):
            content.update(obstacle=None, note=None)
        return content


class RefundRunListQuerySerializer(PageQuerySerializer):
    """Which refund runs, and which page of them."""

    status = EnumField(RefundRunStatus, required=False)
    cause = EnumField(RefundCause, required=False)


class RefundItemListQuerySerializer(PageQuerySerializer):
    """Which refunds of a run, and which page of them."""

    status = EnumField(RefundItemStatus, required=False)
    investor_id = serializers.UUIDField(required=False)


class RefundRunOrderSerializer(StrictSerializer):
    """Why the money goes back."""

    reason = TextField(max_length=300)


class RefundRunApprovalSerializer(StrictSerializer):
    """A signature under the figures."""

    content_hash = TextField(max_length=64, help_text="The `content_hash` of the run that was read.")
    note = TextField(required=False, allow_blank=True, default="", max_length=300)
