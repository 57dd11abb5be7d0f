from finance.admin import bank_accounts, fees, refund_items, refund_runs, transactions, webhooks

__all__ = ["bank_accounts", "fees", "refund_items", "refund_runs", "transactions", "webhooks"]
