from escrow.admin import (
    bank_file_layouts,
    closings,
    escrow_accounts,
    holds,
    investments,
    ledger,
    reconciliations,
)

__all__ = [
    "bank_file_layouts",
    "closings",
    "escrow_accounts",
    "holds",
    "investments",
    "ledger",
    "reconciliations",
]
