"""The addresses of the API, all under /api/v1/; addresses have no slash at their end."""

from django.urls import path, re_path

from realco.api import (
    bank_matches,
    call_items,
    capital_accounts,
    capital_calls,
    distributions,
    escrow_accounts,
    funds,
    overrides,
    proofs,
    reconciliations,
    refund_runs,
    reinvestments,
    transactions,
    transfers,
    waterfall_terms,
    withholdings,
    write_offs,
)
from realco.api.access import Nothing
from realco.api.schema import DocsView, SchemaView

app_name = "api"

ONE_TRANSACTION = "transactions/<str:payment_id>"
ONE_ACCOUNT = "escrow-accounts/<str:escrow_account_id>"
ONE_RUN = f"{ONE_ACCOUNT}/refund-runs/<str:refund_run_id>"
ONE_DISTRIBUTION = "distributions/<str:distribution_id>"
ONE_WRITE_OFF = f"{ONE_DISTRIBUTION}/write-offs/<str:write_off_id>"
ONE_CALL = "capital-calls/<str:capital_call_id>"
ONE_TRANSFER = "investment-transfers/<str:transfer_id>"
ONE_FUND = "funds/<str:fund_id>"
ONE_VERSION = "waterfall-terms/<str:terms_id>"

urlpatterns = [
    path("transactions", transactions.Transactions.as_view(), name="transactions"),
    path("transactions/stats", transactions.TransactionStats.as_view(), name="transaction-stats"),
    path(ONE_TRANSACTION, transactions.OneTransaction.as_view(), name="transaction"),
    path(f"{ONE_TRANSACTION}/approve", transactions.Approve.as_view(), name="transaction-approve"),
    path(f"{ONE_TRANSACTION}/reject", transactions.Reject.as_view(), name="transaction-reject"),
    path(f"{ONE_TRANSACTION}/cancel", transactions.Cancel.as_view(), name="transaction-cancel"),
    path(f"{ONE_TRANSACTION}/retry", transactions.Retry.as_view(), name="transaction-retry"),
    path(f"{ONE_TRANSACTION}/hold", transactions.Hold.as_view(), name="transaction-hold"),
    path(f"{ONE_TRANSACTION}/release", transactions.Release.as_view(), name="transaction-release"),
    path("escrow-accounts", escrow_accounts.EscrowAccounts.as_view(), name="escrow-accounts"),
    path(ONE_ACCOUNT, escrow_accounts.OneEscrowAccount.as_view(), name="escrow-account"),
    path(f"{ONE_ACCOUNT}/balance", escrow_accounts.Balance.as_view(), name="escrow-account-balance"),
    path(f"{ONE_ACCOUNT}/ledger", escrow_accounts.Ledger.as_view(), name="escrow-account-ledger"),
    path(f"{ONE_ACCOUNT}/proof", proofs.Proof.as_view(), name="escrow-account-proof"),
    path(f"{ONE_ACCOUNT}/reconcile", reconciliations.Reconcile.as_view(), name="escrow-account-reconcile"),
    path(f"{ONE_ACCOUNT}/matches", bank_matches.Matches.as_view(), name="escrow-account-matches"),
    path(f"{ONE_ACCOUNT}/unmatched", bank_matches.Unmatched.as_view(), name="escrow-account-unmatched"),
    path(f"{ONE_ACCOUNT}/freeze", escrow_accounts.Freeze.as_view(), name="escrow-account-freeze"),
    path(f"{ONE_ACCOUNT}/unfreeze", escrow_accounts.Unfreeze.as_view(), name="escrow-account-unfreeze"),
    path(f"{ONE_ACCOUNT}/refund-runs", refund_runs.RefundRuns.as_view(), name="refund-runs"),
    path(ONE_RUN, refund_runs.OneRefundRun.as_view(), name="refund-run"),
    path(f"{ONE_RUN}/items", refund_runs.Items.as_view(), name="refund-run-items"),
    path(f"{ONE_RUN}/approve", refund_runs.Approve.as_view(), name="refund-run-approve"),
    path(f"{ONE_RUN}/cancel", refund_runs.Cancel.as_view(), name="refund-run-cancel"),
    path("distributions", distributions.Distributions.as_view(), name="distributions"),
    path(ONE_DISTRIBUTION, distributions.OneDistribution.as_view(), name="distribution"),
    path(f"{ONE_DISTRIBUTION}/calculate", distributions.Calculate.as_view(), name="distribution-calculate"),
    path(f"{ONE_DISTRIBUTION}/preview", distributions.Preview.as_view(), name="distribution-preview"),
    path(f"{ONE_DISTRIBUTION}/submit", distributions.Submit.as_view(), name="distribution-submit"),
    path(f"{ONE_DISTRIBUTION}/approve", distributions.Approve.as_view(), name="distribution-approve"),
    path(f"{ONE_DISTRIBUTION}/execute", distributions.Execute.as_view(), name="distribution-execute"),
    path(f"{ONE_DISTRIBUTION}/cancel", distributions.Cancel.as_view(), name="distribution-cancel"),
    path(f"{ONE_DISTRIBUTION}/retry", distributions.Retry.as_view(), name="distribution-retry"),
    path(f"{ONE_DISTRIBUTION}/progress", distributions.Progress.as_view(), name="distribution-progress"),
    path(f"{ONE_DISTRIBUTION}/allocations", distributions.Allocations.as_view(), name="distribution-allocations"),
    path(f"{ONE_DISTRIBUTION}/overrides", overrides.Overrides.as_view(), name="overrides"),
    path(f"{ONE_DISTRIBUTION}/overrides/confirm", overrides.ConfirmOverrides.as_view(), name="overrides-confirm"),
    path(f"{ONE_DISTRIBUTION}/overrides/withdraw", overrides.WithdrawOverrides.as_view(), name="overrides-withdraw"),
    path(f"{ONE_DISTRIBUTION}/deductions", withholdings.Deductions.as_view(), name="deductions"),
    path(f"{ONE_DISTRIBUTION}/deductions/remit", withholdings.Remit.as_view(), name="deductions-remit"),
    path(f"{ONE_DISTRIBUTION}/write-offs", write_offs.WriteOffs.as_view(), name="write-offs"),
    path(f"{ONE_WRITE_OFF}/approve", write_offs.Approve.as_view(), name="write-off-approve"),
    path(f"{ONE_WRITE_OFF}/withdraw", write_offs.Withdraw.as_view(), name="write-off-withdraw"),
    path("withholding-rates", withholdings.WithholdingRates.as_view(), name="withholding-rates"),
    path("waterfall-terms", waterfall_terms.Versions.as_view(), name="waterfall-terms"),
    path(ONE_VERSION, waterfall_terms.OneVersion.as_view(), name="waterfall-terms-version"),
    path(f"{ONE_VERSION}/examples", waterfall_terms.Examples.as_view(), name="waterfall-terms-examples"),
    path(f"{ONE_VERSION}/check", waterfall_terms.Check.as_view(), name="waterfall-terms-check"),
    path(f"{ONE_VERSION}/activate", waterfall_terms.Activate.as_view(), name="waterfall-terms-activate"),
    path(f"{ONE_VERSION}/withdraw", waterfall_terms.Withdraw.as_view(), name="waterfall-terms-withdraw"),
    path("funds", funds.Funds.as_view(), name="funds"),
    path(ONE_FUND, funds.OneFund.as_view(), name="fund"),
    path(f"{ONE_FUND}/clawback", funds.Clawback.as_view(), name="fund-clawback"),
    path("capital-calls", capital_calls.CapitalCalls.as_view(), name="capital-calls"),
    path(ONE_CALL, capital_calls.OneCapitalCall.as_view(), name="capital-call"),
    path(f"{ONE_CALL}/submit", capital_calls.Submit.as_view(), name="capital-call-submit"),
    path(f"{ONE_CALL}/approve", capital_calls.Approve.as_view(), name="capital-call-approve"),
    path(f"{ONE_CALL}/cancel", capital_calls.Cancel.as_view(), name="capital-call-cancel"),
    path(f"{ONE_CALL}/equalisation", capital_calls.Equalisation.as_view(), name="capital-call-equalisation"),
    path(f"{ONE_CALL}/premiums", capital_calls.Premiums.as_view(), name="capital-call-premiums"),
    path(f"{ONE_CALL}/items", call_items.Items.as_view(), name="capital-call-items"),
    path(f"{ONE_CALL}/items/<str:item_id>", call_items.OneItem.as_view(), name="capital-call-item"),
    path(f"{ONE_CALL}/items/<str:item_id>/pay", call_items.Pay.as_view(), name="capital-call-item-pay"),
    path(f"{ONE_CALL}/items/<str:item_id>/excuse", call_items.Excuse.as_view(), name="capital-call-item-excuse"),
    path("investment-transfers", transfers.Transfers.as_view(), name="transfers"),
    path(ONE_TRANSFER, transfers.OneTransfer.as_view(), name="transfer"),
    path(f"{ONE_TRANSFER}/approve", transfers.Approve.as_view(), name="transfer-approve"),
    path(f"{ONE_TRANSFER}/cancel", transfers.Cancel.as_view(), name="transfer-cancel"),
    path(
        "offerings/<str:offering_id>/capital-accounts",
        capital_accounts.CapitalAccounts.as_view(),
        name="capital-accounts",
    ),
    path("reinvestment-elections", reinvestments.Elections.as_view(), name="reinvestment-elections"),
    path(
        "reinvestment-elections/<str:election_id>/withdraw",
        reinvestments.Withdraw.as_view(),
        name="reinvestment-election-withdraw",
    ),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(), name="docs"),
    re_path(r"^", Nothing.as_view(), name="nothing"),
]
