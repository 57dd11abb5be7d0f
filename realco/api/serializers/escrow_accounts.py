"""Escrow accounts, their balances, ledgers and reconciliations as the API reads and writes them."""

from typing import Any, ClassVar

from rest_framework import serializers

from escrow.models import EscrowAccount, EscrowLedgerEntry, LedgerEntryType, Reconciliation
from escrow.models.escrow_accounts import EscrowAccountStatus
from escrow.models.journal_entries import JournalEvent
from escrow.models.ledger_accounts import LedgerAccountKind
from escrow.models.reconciliations import ReconciliationResult
from realco.api.serializers.fields import (
    CurrencyField,
    EnumField,
    MoneyText,
    StrictSerializer,
    TextField,
    moment,
    reference,
    text,
)
from realco.api.serializers.pages import DayField, DaysQuerySerializer, PageQuerySerializer
from realco.api.visibility import is_viewer


class EscrowAccountSerializer(serializers.Serializer[EscrowAccount]):
    """
    An offering's own escrow account. `current_balance` is available, pending and held together.

    Balances and the bank's identifiers are for staff, and null for everybody else; `…/balance` answers
    an investor with what is theirs.
    """

    STAFF_ONLY: ClassVar[tuple[str, ...]] = (
        "bank_account_id", "external_account_id", "current_balance", "available_balance", "pending_balance",
        "held_balance", "total_deposits", "total_withdrawals", "total_distributions", "frozen_reason",
        "last_reconciled_at", "last_reconciled_balance",
    )  # fmt: skip

    id = serializers.UUIDField(read_only=True)
    account_number = text()
    offering_id = serializers.UUIDField(read_only=True)
    status = EnumField(EscrowAccountStatus, read_only=True)
    currency = CurrencyField(read_only=True)
    frozen_at = moment()
    closed_at = moment()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    bank_account_id = reference(help_text="For staff.")
    external_account_id = text(allow_null=True, help_text="For staff: the number the escrow bank knows it by.")
    current_balance = MoneyText(read_only=True, allow_null=True)
    available_balance = MoneyText(read_only=True, allow_null=True)
    pending_balance = MoneyText(read_only=True, allow_null=True)
    held_balance = MoneyText(read_only=True, allow_null=True)
    total_deposits = MoneyText(read_only=True, allow_null=True)
    total_withdrawals = MoneyText(read_only=True, allow_null=True)
    total_distributions = MoneyText(read_only=True, allow_null=True)
    frozen_reason = text(allow_null=True, help_text="For staff.")
    last_reconciled_at = moment(help_text="For staff.")
    last_reconciled_balance = MoneyText(read_only=True, allow_null=True)

    def to_representation(self, instance: EscrowAccount) -> dict[str, Any]:
        """Write the account, leaving blank what is not this person's to read."""
        content = super().to_representation(instance)
        if not is_viewer(self.context["request"].user, "escrow.view_escrowaccount"):
            content.update(dict.fromkeys(self.STAFF_ONLY))
        return content


class EscrowAccountOrderSerializer(StrictSerializer):
    """An escrow account to be opened for an offering."""

    offering_id = serializers.UUIDField()
    external_account_id = TextField(max_length=100, help_text="The number the escrow bank knows it by.")
    bank_account_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class EscrowAccountListQuerySerializer(PageQuerySerializer):
    """Which escrow accounts, and which page of them."""

    status = EnumField(EscrowAccountStatus, required=False)
    offering_id = serializers.UUIDField(required=False)


class EscrowBalanceSerializer(serializers.Serializer[Any]):
    """
    What is held: for staff the whole account, for an investor their own part of it.

    `pending_balance` may still be taken back by a bank, `available_balance` has cleared, and
    `held_balance` is blocked; `current_balance` is the three together.
    """

    escrow_account_id = serializers.UUIDField(read_only=True)
    is_whole_account = serializers.BooleanField(read_only=True)
    currency = CurrencyField(read_only=True)
    current_balance = MoneyText(read_only=True)
    available_balance = MoneyText(read_only=True)
    pending_balance = MoneyText(read_only=True)
    held_balance = MoneyText(read_only=True)
    effective_on = serializers.DateField(read_only=True, allow_null=True)
    known_at = moment()


class HistoryQuerySerializer(StrictSerializer):
    """
    At which time: up to an effective day, as known at a moment, or both; now if neither is given.

    Both together say what was told on a day; the day alone, what is known of it now.
    """

    effective_on = DayField(required=False, default=None, help_text="What happened at the bank up to this day.")
    known_at = serializers.DateTimeField(
        required=False, default=None, help_text="What was in the books at this moment, such as 2026-04-01T00:00:00Z."
    )


class ProofStepSerializer(serializers.Serializer[Any]):
    """One step of a path: the node beside, and on which side it stands."""

    side = serializers.ChoiceField(choices=["left", "right"], read_only=True)
    hash = text()
    leaves = serializers.IntegerField(read_only=True)
    sums_in_cents = serializers.DictField(child=serializers.CharField(), read_only=True)


class ProofFileSerializer(serializers.Serializer[Any]):
    """An investor's proof, exactly as its file; docs/proofs.md describes each field and how to check it."""

    format = text()
    about = serializers.ListField(child=serializers.CharField(), read_only=True)
    investor = serializers.DictField(child=serializers.CharField(), read_only=True)
    balances_in_cents = serializers.DictField(child=serializers.CharField(), read_only=True)
    place = serializers.IntegerField(read_only=True)
    path = ProofStepSerializer(many=True, read_only=True)
    snapshot = serializers.JSONField(read_only=True)
    signature = serializers.DictField(child=serializers.CharField(), read_only=True)


class LedgerEntrySerializer(serializers.Serializer[EscrowLedgerEntry]):
    """
    One line of a journal entry. `amount` is positive for a debit, negative for a credit.

    `balance_before` and `balance_after` are the ledger account's own, in its normal sign.
    """

    id = serializers.UUIDField(read_only=True)
    journal_entry_id = serializers.UUIDField(read_only=True)
    event = EnumField(JournalEvent, read_only=True, source="journal_entry.event")
    entry_type = EnumField(LedgerEntryType, read_only=True)
    ledger_account_id = serializers.UUIDField(read_only=True)
    ledger_account_kind = EnumField(LedgerAccountKind, read_only=True, source="ledger_account.kind")
    owner_id = reference(source="ledger_account.owner_id")
    sequence = serializers.IntegerField(read_only=True)
    amount = MoneyText(read_only=True)
    balance_before = MoneyText(read_only=True)
    balance_after = MoneyText(read_only=True)
    transaction_id = reference()
    distribution_id = reference()
    reference = text()
    description = text()
    effective_date = serializers.DateField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class LedgerQuerySerializer(HistoryQuerySerializer, DaysQuerySerializer, PageQuerySerializer):
    """Which entries of a ledger, and which page of them."""

    ledger_account_kind = EnumField(LedgerAccountKind, required=False)
    entry_type = EnumField(LedgerEntryType, required=False)
    transaction_id = serializers.UUIDField(required=False)


class ReconciliationOrderSerializer(StrictSerializer):
    """Up to which day the bank's lines and our books are compared; today in New York if it is left out."""

    as_of_date = DayField(required=False, allow_null=True, default=None)


class ReconciliationSerializer(serializers.Serializer[Reconciliation]):
    """The three-way proof as it was found; every difference is listed, none is corrected."""

    id = serializers.UUIDField(read_only=True)
    escrow_account_id = serializers.UUIDField(read_only=True)
    as_of_date = serializers.DateField(read_only=True)
    result = EnumField(ReconciliationResult, read_only=True)
    bank_balance = MoneyText(read_only=True)
    book_balance = MoneyText(read_only=True)
    assets = MoneyText(read_only=True)
    liabilities = MoneyText(read_only=True)
    matched_lines = serializers.IntegerField(read_only=True)
    unmatched_lines = serializers.IntegerField(read_only=True)
    unmatched_entries = serializers.IntegerField(read_only=True)
    findings = serializers.ListField(child=serializers.JSONField(), read_only=True)
    run_by_id = reference()
    created_at = serializers.DateTimeField(read_only=True)
