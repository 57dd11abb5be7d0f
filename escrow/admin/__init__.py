from escrow.admin import (
    bank_file_layouts,
    bank_matches,
    closings,
    escrow_accounts,
    holds,
    investments,
    ledger,
    proofs,
    reconciliations,
    reversals,
)

__all__ = [
    "bank_file_layouts",
    "bank_matches",
    "closings",
    "escrow_accounts",
    "holds",
    "investments",
    "ledger",
    "proofs",
    "reconciliations",
    "reversals",
]
