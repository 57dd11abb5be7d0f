from escrow.admin import bank_file_layouts, closings, escrow_accounts, investments, ledger, reconciliations

__all__ = ["bank_file_layouts", "closings", "escrow_accounts", "investments", "ledger", "reconciliations"]
