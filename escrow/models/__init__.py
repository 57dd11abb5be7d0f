from escrow.models.bank_file_layouts import BankFileLayout
from escrow.models.closings import Closing
from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.investments import Investment
from escrow.models.journal_entries import EscrowLedgerEntry, JournalEntry, LedgerEntryType
from escrow.models.ledger_accounts import LedgerAccount
from escrow.models.reconciliations import BankStatement, BankStatementLine, Reconciliation

__all__ = [
    "BankFileLayout",
    "BankStatement",
    "BankStatementLine",
    "Closing",
    "EscrowAccount",
    "EscrowLedgerEntry",
    "Investment",
    "JournalEntry",
    "LedgerAccount",
    "LedgerEntryType",
    "Reconciliation",
]
