from escrow.models.closings import Closing, ClosingApproval
from escrow.models.early_closings import EarlyClosingNotice
from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.holds import Hold
from escrow.models.investments import Commitment, Investment
from escrow.models.journal_entries import EscrowLedgerEntry, JournalEntry, LedgerEntryType
from escrow.models.ledger_accounts import LedgerAccount
from escrow.models.reconciliations import BankStatement, BankStatementLine, Reconciliation

__all__ = [
    "BankStatement",
    "BankStatementLine",
    "Closing",
    "ClosingApproval",
    "Commitment",
    "EarlyClosingNotice",
    "EscrowAccount",
    "EscrowLedgerEntry",
    "Hold",
    "Investment",
    "JournalEntry",
    "LedgerAccount",
    "LedgerEntryType",
    "Reconciliation",
]
