from escrow.admin import bank_matches, closings, escrow_accounts, investments, ledger, reconciliations

__all__ = ["bank_matches", "closings", "escrow_accounts", "investments", "ledger", "reconciliations"]
