"""Who listens to which event: the whole wiring between apps, in one table (event → task names)."""

SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {
    "finance.transaction.settled": (),
    "finance.transaction.completed": (
        "distributions.follow_payment",
        "distributions.follow_reinvestment",
        "distributions.follow_call",
        "finance.follow_refund",
    ),
    "finance.transaction.failed": ("distributions.follow_payment", "finance.follow_refund"),
    "finance.transaction.cancelled": (
        "distributions.follow_payment",
        "distributions.follow_reinvestment",
        "finance.follow_refund",
    ),
    "finance.transaction.reversed": (
        "distributions.follow_payment",
        "distributions.follow_reinvestment",
        "finance.follow_refund",
    ),
    "finance.transactions.completed": ("distributions.sweep", "distributions.sweep_calls", "finance.sweep_refunds"),
    "distributions.capital_call.noticed": (),
    "distributions.investment.transferred": (),
    "escrow.account.unfrozen": ("finance.sweep_webhooks",),
    "escrow.early_closing.announced": (),
    "escrow.early_closing.withdrawn": (),
    "escrow.offering.closed": (),
    "escrow.reconciliation.mismatched": (),
}
