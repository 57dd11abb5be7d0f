from escrow.models.bank_matches import BankMatch, BankMatchEntry, BankMatchLine
from escrow.models.bank_proposals import BankProposal
from escrow.models.closings import Closing
from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.investments import Investment
from escrow.models.journal_entries import EscrowLedgerEntry, JournalEntry, LedgerEntryType
from escrow.models.ledger_accounts import LedgerAccount
from escrow.models.reconciliations import BankStatement, BankStatementLine, Reconciliation

__all__ = [
    "BankMatch",
    "BankMatchEntry",
    "BankMatchLine",
    "BankProposal",
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
