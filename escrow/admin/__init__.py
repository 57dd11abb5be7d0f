from escrow.admin import closings, escrow_accounts, investments, ledger, proofs, reconciliations, reversals

__all__ = ["closings", "escrow_accounts", "investments", "ledger", "proofs", "reconciliations", "reversals"]
