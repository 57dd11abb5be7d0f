"""
Many outbound payments at once, approved before they were made: the payments of a distribution.

The approvals are those of the distribution, whose signed numbers name every payee and amount.
Money is reserved for all of them with one posting, rows are written set-based.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from compliance.models import CheckStatus
from escrow.operations import ledger
from finance import entries
from finance.models import Transaction
from finance.models.transactions import TransactionType, approvals_required
from finance.operations import orders, transactions
from finance.operations.orders import Order
from finance.operations.screening import screen
from realco import audit, queue
from realco.business_days import banking_date
from realco.errors import NotPermitted
from realco.models import User


class LacksApprovals(NotPermitted):
    """Fewer people signed than a payment of this size needs."""


def originate(
    wanted: Sequence[Order],
    *,
    keys: Sequence[str],
    initiator: User,
    approvers: Sequence[User],
    at: datetime,
) -> list[Transaction]:
    """
    Make approved distribution payments, reserve their money, and queue them; all or none.

    ``keys`` are idempotency keys, one for each order: those whose payment exists already return
    it, so a run that was cut short goes on. No person's key can be one of them, because theirs
    begin with their id. Payees are screened; one who does not pass leaves his
    payment PENDING_APPROVAL (a review is open) or CANCELLED (refused), with nothing reserved.
    Runs inside its own transaction, or its caller's.

    :raises LacksApprovals: if a payment needs more approvers than signed
    :raises ApproverIsInitiator: if the initiator is among the approvers
    :raises InsufficientFunds: if escrow holds less than the sum
    :raises Refusal: whatever ``orders.examine`` refuses
    """
    if any(approver.pk == initiator.pk for approver in approvers):
        raise transactions.ApproverIsInitiator("Nobody approves what they asked for.")
    with audit.acting("transaction.originate"), transaction.atomic():
        full_keys = [f"payout:{key}" for key in keys]
        known = {payment.idempotency_key: payment for payment in _existing(full_keys)}
        made = [
            _create(order, key=key, initiator=initiator, approvers=approvers, at=at)
            for order, key in zip(wanted, full_keys, strict=True)
            if key not in known
        ]
        passed = [payment for payment in made if _route(payment, at=at)]
        ledger.post([entries.reserved(payment, on=banking_date(at)) for payment in passed], by=initiator, at=at)
        for payment in passed:
            payment.is_reserved = True
            payment.mark_queued()
            payment.save()
            queue.enqueue("finance.process_transaction", payment_id=payment.pk)
        known.update({payment.idempotency_key: payment for payment in made})
    return [known[key] for key in full_keys]


def _existing(keys: Sequence[str]) -> list[Transaction]:
    return list(Transaction.objects.select_for_update(of=("self",), no_key=True).filter(idempotency_key__in=keys))


def _create(order: Order, *, key: str, initiator: User, approvers: Sequence[User], at: datetime) -> Transaction:
    if order.type != TransactionType.DISTRIBUTION:
        raise ValueError("payouts are distributions; other payments are approved one by one")
    parties = orders.examine(order, initiator=initiator, at=at)
    needed = approvals_required(order.type, order.amount)
    if len({approver.pk for approver in approvers}) < needed:
        raise LacksApprovals(f"A payment of {order.amount} needs {needed} approvers.")
    return Transaction.objects.create(
        type=order.type,
        payment_method=order.payment_method,
        amount=order.amount,
        net_amount=order.amount,
        currency=order.currency,
        to_user=parties.party,
        to_bank_account=parties.bank_account,
        offering=parties.escrow_account.offering,
        escrow_account=parties.escrow_account,
        distribution_id=order.distribution_id,
        replaces_id=order.replaces_id,
        idempotency_key=key,
        request_hash=order.content_hash,
        description=order.description,
        metadata=dict(order.metadata),
        approvals_required=needed,
        initiated_by=initiator,
        approved_by=approvers[0],
        approved_at=at,
        second_approved_by=approvers[1] if len(approvers) > 1 else None,
        second_approved_at=at if len(approvers) > 1 else None,
        created_at=at,
    )


def _route(payment: Transaction, *, at: datetime) -> bool:
    """Screen the payee; return whether the payment goes on."""
    verdict = screen(payment, party=payment.party, at=at)
    if verdict.status == CheckStatus.FAILED:
        transactions.refuse(payment, at=at)
    elif verdict.status != CheckStatus.PASSED:
        payment.mark_pending_approval(approvals=payment.approvals_required)
    else:
        payment.mark_approved()
    payment.save()
    return verdict.status == CheckStatus.PASSED
