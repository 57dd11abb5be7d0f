"""Transactions as the API reads and writes them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework import serializers

from finance.models import Transaction
from finance.models.transactions import PaymentMethod, TransactionStatus, TransactionType
from realco import money
from realco.api.serializers.fields import (
    AmountField,
    CurrencyField,
    EnumField,
    MetadataField,
    MoneyText,
    StrictSerializer,
    TextField,
    moment,
    reference,
    text,
)
from realco.api.serializers.pages import DaysQuerySerializer, PageQuerySerializer
from realco.api.visibility import is_viewer

MEMO_LENGTH = 5000


class FeeSerializer(serializers.Serializer[Any]):
    """One part of a transaction's fee, which is kept on the row as a pair of name and amount."""

    name = text()
    amount = MoneyText(read_only=True)

    def to_representation(self, instance: Sequence[str]) -> dict[str, Any]:
        """Write the pair."""
        name, amount = instance
        return {"name": name, "amount": amount}


class TransactionSerializer(serializers.Serializer[Transaction]):
    """
    A payment. `net_amount` is `amount` less `fee_amount`.

    What is marked as for staff is null for everybody else.
    """

    STAFF_ONLY: ClassVar[tuple[str, ...]] = (
        "internal_memo", "held_from", "hold_reason", "initiated_by_id", "approved_by_id", "second_approved_by_id",
        "ip_address", "user_agent", "compliance_check_passed", "compliance_check_data",
    )  # fmt: skip

    id = serializers.UUIDField(read_only=True)
    type = EnumField(TransactionType, read_only=True)
    status = EnumField(TransactionStatus, read_only=True)
    payment_method = EnumField(PaymentMethod, read_only=True)
    amount = MoneyText(read_only=True)
    fee_amount = MoneyText(read_only=True)
    net_amount = MoneyText(read_only=True)
    fees = FeeSerializer(many=True, read_only=True, source="metadata.fees")
    currency = CurrencyField(read_only=True)
    from_user_id = reference()
    to_user_id = reference()
    from_bank_account_id = reference()
    to_bank_account_id = reference()
    offering_id = reference()
    escrow_account_id = serializers.UUIDField(read_only=True)
    distribution_id = reference()
    replaces_id = reference(help_text="The failed payment that this one was made in place of.")
    counterpart_id = reference(help_text="The other half of a reinvestment: both are done, or neither.")
    idempotency_key = serializers.SerializerMethodField()
    description = text()
    metadata = serializers.DictField(child=serializers.JSONField(), read_only=True)
    failure_code = text()
    failure_message = text()
    retry_count = serializers.IntegerField(read_only=True)
    max_retries = serializers.IntegerField(read_only=True)
    next_retry_at = moment()
    approvals_required = serializers.IntegerField(read_only=True)
    approved_at = moment()
    second_approved_at = moment()
    processed_at = moment()
    settled_at = moment()
    clears_on = serializers.DateField(
        read_only=True, allow_null=True, help_text="Until this day the bank may still take the money back."
    )
    completed_at = moment()
    failed_at = moment()
    cancelled_at = moment()
    cancelled_reason = text()
    reversed_at = moment()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    internal_memo = text(allow_null=True, help_text="For staff.")
    held_from = text(allow_null=True, help_text="For staff: the status it was held from.")
    hold_reason = text(allow_null=True, help_text="For staff.")
    initiated_by_id = reference(help_text="For staff.")
    approved_by_id = reference(help_text="For staff.")
    second_approved_by_id = reference(help_text="For staff.")
    ip_address = text(allow_null=True, help_text="For staff.")
    user_agent = text(allow_null=True, help_text="For staff.")
    compliance_check_passed = serializers.BooleanField(read_only=True, allow_null=True, help_text="For staff.")
    compliance_check_data = serializers.DictField(
        child=serializers.JSONField(), read_only=True, allow_null=True, help_text="For staff."
    )

    def get_idempotency_key(self, payment: Transaction) -> str:
        """Return the key as its sender wrote it; it is stored with the sender's id before it."""
        return payment.idempotency_key.removeprefix(f"{payment.initiated_by_id}:")

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        """Write the payment, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        content["metadata"].pop("fees", None)
        content.setdefault("fees", [])
        if not is_viewer(self.context["request"].user, "finance.view_transaction"):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class TransactionOrderSerializer(StrictSerializer):
    """
    A payment to be made. Inbound types name `from_user_id`, outbound ones `to_user_id`.

    The other side is the escrow account. Whoever may only move their own money can leave both out.
    """

    type = EnumField(TransactionType)
    payment_method = EnumField(PaymentMethod)
    amount = AmountField()
    currency = CurrencyField(required=False, default=money.CURRENCY)
    escrow_account_id = serializers.UUIDField()
    from_user_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    to_user_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    from_bank_account_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    to_bank_account_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    description = TextField(required=False, allow_blank=True, default="")
    internal_memo = TextField(
        required=False, allow_blank=True, default="", max_length=MEMO_LENGTH, help_text="Only staff may write one."
    )
    metadata = MetadataField(required=False, default=dict)


class TransactionWordsSerializer(StrictSerializer):
    """The words on a payment: all of it that can ever be changed. What is left out stays as it is."""

    description = TextField(required=False, allow_blank=True)
    internal_memo = TextField(
        required=False, allow_blank=True, max_length=MEMO_LENGTH, help_text="Only staff may write one."
    )
    metadata = MetadataField(required=False, help_text="Replaces all of it.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Check that there is something to change.

        :raises ValidationError: if nothing was sent
        """
        if not attrs:
            raise serializers.ValidationError("Send description, internal_memo or metadata; nothing else changes.")
        return attrs


class TransactionFiltersSerializer(DaysQuerySerializer):
    """Which payments."""

    type = EnumField(TransactionType, required=False)
    status = EnumField(TransactionStatus, required=False)
    payment_method = EnumField(PaymentMethod, required=False)
    from_user_id = serializers.UUIDField(required=False)
    to_user_id = serializers.UUIDField(required=False)
    offering_id = serializers.UUIDField(required=False)
    escrow_account_id = serializers.UUIDField(required=False)
    distribution_id = serializers.UUIDField(required=False)


class TransactionListQuerySerializer(TransactionFiltersSerializer, PageQuerySerializer):
    """Which payments, and which page of them."""


class StatusCountSerializer(serializers.Serializer[Any]):
    """How many payments have a status, and what they sum to."""

    status = EnumField(TransactionStatus, read_only=True)
    count = serializers.IntegerField(read_only=True)
    amount = MoneyText(read_only=True)


class TypeCountSerializer(serializers.Serializer[Any]):
    """How many payments are of a type, and what they sum to."""

    type = EnumField(TransactionType, read_only=True)
    count = serializers.IntegerField(read_only=True)
    amount = MoneyText(read_only=True)


class TransactionStatsSerializer(serializers.Serializer[Any]):
    """Payments made between two days, both included, counted and summed, gross of fees."""

    first_day = serializers.DateField(read_only=True)
    last_day = serializers.DateField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    amount = MoneyText(read_only=True)
    by_status = StatusCountSerializer(many=True, read_only=True)
    by_type = TypeCountSerializer(many=True, read_only=True)
