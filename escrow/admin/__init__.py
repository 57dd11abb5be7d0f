from escrow.admin import closings, escrow_accounts, holds, investments, ledger, reconciliations

__all__ = ["closings", "escrow_accounts", "holds", "investments", "ledger", "reconciliations"]
