from escrow.models.closings import Closing
from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.investments import Investment
from escrow.models.journal_entries import EscrowLedgerEntry, JournalEntry, LedgerEntryType
from escrow.models.ledger_accounts import LedgerAccount
from escrow.models.proofs import ProofLeaves, ProofSnapshot
from escrow.models.reconciliations import BankStatement, BankStatementLine, Reconciliation
from escrow.models.reversals import JournalReversal

__all__ = [
    "BankStatement",
    "BankStatementLine",
    "Closing",
    "EscrowAccount",
    "EscrowLedgerEntry",
    "Investment",
    "JournalEntry",
    "JournalReversal",
    "LedgerAccount",
    "LedgerEntryType",
    "ProofLeaves",
    "ProofSnapshot",
    "Reconciliation",
]
