from finance.admin import bank_accounts, fees, transactions, webhooks

__all__ = ["bank_accounts", "fees", "transactions", "webhooks"]
