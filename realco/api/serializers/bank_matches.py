"""Bank matches, and what has no partner, as the API reads them."""

from typing import Any

from rest_framework import serializers

from escrow.matching import Match
from escrow.models import BankMatch, BankStatementLine, EscrowLedgerEntry
from escrow.models.bank_matches import MatchMethod
from realco.api.serializers.fields import EnumField, MoneyText, moment, reference, text


class BankMatchSerializer(serializers.Serializer[BankMatch]):
    """
    Bank lines and the BANK entries that explain them; both come to the same amount.

    `confidence` is between 0 and 1. `undone_by_id` names the match that reversed this one, if there is one.
    """

    id = serializers.UUIDField(read_only=True)
    method = EnumField(MatchMethod, read_only=True)
    confidence = serializers.DecimalField(max_digits=4, decimal_places=3, read_only=True)
    reason = text()
    bank_line_ids = serializers.SerializerMethodField()
    entry_ids = serializers.SerializerMethodField()
    made_by_id = reference()
    approved_by_id = reference()
    made_at = moment()
    reverses_id = reference()
    undone_by_id = serializers.SerializerMethodField()

    def get_bank_line_ids(self, match: BankMatch) -> list[str]:
        """List the bank lines of the match."""
        return [str(part.line_id) for part in match.match_lines.all()]

    def get_entry_ids(self, match: BankMatch) -> list[str]:
        """List the ledger entries of the match."""
        return [str(part.entry_id) for part in match.match_entries.all()]

    def get_undone_by_id(self, match: BankMatch) -> str | None:
        """Name the match that undid this one."""
        return str(match.reversed_by.pk) if hasattr(match, "reversed_by") else None


class BankLineSerializer(serializers.Serializer[BankStatementLine]):
    """One movement that the bank stated: `amount` is positive when money came in."""

    id = serializers.UUIDField(read_only=True)
    value_date = serializers.DateField(read_only=True)
    amount = MoneyText(read_only=True)
    bank_reference = text()
    customer_reference = text()
    text = text()


class BankEntrySerializer(serializers.Serializer[EscrowLedgerEntry]):
    """One entry of the BANK account: `amount` is positive when money came in."""

    id = serializers.UUIDField(read_only=True)
    journal_entry_id = serializers.UUIDField(read_only=True)
    effective_date = serializers.DateField(read_only=True)
    amount = MoneyText(read_only=True)
    description = text()


class SuggestionSerializer(serializers.Serializer[Match]):
    """What may belong together, how sure that is, and why."""

    bank_line_ids = serializers.ListField(child=serializers.UUIDField(), read_only=True, source="line_ids")
    entry_ids = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    confidence = serializers.DecimalField(max_digits=4, decimal_places=3, read_only=True)
    reason = text()


class UnmatchedSerializer(serializers.Serializer[Any]):
    """Both sides of what has no partner, oldest first, and suggestions, the surest first."""

    bank_lines = BankLineSerializer(many=True, read_only=True)
    entries = BankEntrySerializer(many=True, read_only=True)
    suggestions = SuggestionSerializer(many=True, read_only=True)
