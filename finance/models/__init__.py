from finance.models.bank_accounts import BankAccount
from finance.models.fees import FeeRule
from finance.models.refund_runs import RefundItem, RefundRun, RefundRunApproval
from finance.models.sandbox import SandboxDelivery, SandboxLostRequest, SandboxStatementLine, SandboxTransfer
from finance.models.transaction_attempts import TransactionAttempt
from finance.models.transactions import Transaction
from finance.models.webhooks import TransactionWebhook

__all__ = [
    "BankAccount",
    "FeeRule",
    "RefundItem",
    "RefundRun",
    "RefundRunApproval",
    "SandboxDelivery",
    "SandboxLostRequest",
    "SandboxStatementLine",
    "SandboxTransfer",
    "Transaction",
    "TransactionAttempt",
    "TransactionWebhook",
]
