from escrow.models.bank_file_layouts import BankFileLayout
from escrow.models.bank_matches import BankMatch, BankMatchEntry, BankMatchLine
from escrow.models.bank_proposals import BankProposal
from escrow.models.closings import Closing, ClosingApproval
from escrow.models.early_closings import EarlyClosingNotice
from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.holds import Hold
from escrow.models.investments import Commitment, Investment
from escrow.models.journal_entries import EscrowLedgerEntry, JournalEntry, LedgerEntryType
from escrow.models.ledger_accounts import LedgerAccount
from escrow.models.proofs import ProofLeaves, ProofSnapshot
from escrow.models.reconciliations import BankStatement, BankStatementLine, Reconciliation
from escrow.models.reversals import JournalReversal

__all__ = [
    "BankFileLayout",
    "BankMatch",
    "BankMatchEntry",
    "BankMatchLine",
    "BankProposal",
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
    "JournalReversal",
    "LedgerAccount",
    "LedgerEntryType",
    "ProofLeaves",
    "ProofSnapshot",
    "Reconciliation",
]
