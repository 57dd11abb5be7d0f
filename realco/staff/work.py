"""What waits for the person who opens the staff pages, from every app. The counts stop at a hundred."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse

from compliance.models import CheckStatus, ComplianceCheck
from distributions.models import CapitalCall, Distribution, InvestmentTransfer
from distributions.queries import distributions, fund_arrangements, terms
from escrow.models import BankProposal, Closing, EscrowAccount, Reconciliation
from escrow.queries import reversals
from finance.models import BankAccount, RefundItem, Transaction
from finance.queries import approvals, refund_runs
from realco import clock, permissions
from realco.business_days import banking_date
from realco.models import Offering, User

AT_MOST = 100
_ONE = {
    "payments to approve": "payment to approve",
    "distributions to sign": "distribution to sign",
    "write-offs to decide": "write-off to decide",
    "funds to activate": "fund to activate",
    "distributions to execute": "distribution to execute",
    "closings to sign": "closing to sign",
    "reversals to decide": "reversal to decide",
    "failed payments": "failed payment",
    "payments on hold": "payment on hold",
    "bank accounts to verify": "bank account to verify",
    "checks to review": "check to review",
    "accounts that do not reconcile": "account that does not reconcile",
    "accounts with bank items unmatched for over 5 business days": "account with bank items unmatched for over 5 "
    "business days",
    "bank fees, claims and matches to sign": "bank fee, claim or match to sign",
    "capital calls to approve": "capital call to approve",
    "transfers to approve": "transfer to approve",
    "refund runs to sign": "refund run to sign",
    "refund accounts to agree to": "refund account to agree to",
    "blocked refunds": "blocked refund",
    "overdue refunds": "overdue refund",
    "raises past their deadline": "raise past its deadline",
    "waterfall terms to activate": "version of waterfall terms to activate",
}
"""Each kind of work in the words for a single row."""


@dataclass(frozen=True, slots=True)
class Work:
    """Some rows that wait: in which words, how many (up to a hundred), and where."""

    label: str
    number: int
    address: str

    @property
    def words(self) -> str:
        """The label, as it reads beside the number."""
        return _ONE.get(self.label, self.label) if self.number == 1 else self.label

    @property
    def shown(self) -> str:
        """The number in words that do not claim more than was counted."""
        return f"{AT_MOST}+" if self.number >= AT_MOST else str(self.number)


def waiting_for(user: User) -> list[Work]:
    """Return what waits for this person and is theirs to do; one small query for each kind."""
    return list(_waiting(user))


def _waiting(user: User) -> Iterator[Work]:
    payments = reverse("admin:finance_transaction_changelist")
    if user.has_perm(permissions.APPROVE_PAYMENT):
        yield _work("payments to approve", approvals.queue(user), reverse("admin:finance_transaction_approvals"))
    if user.has_perm(permissions.APPROVE_DISTRIBUTION):
        address = f"{reverse('admin:distributions_distribution_changelist')}?status__exact=PENDING_APPROVAL"
        yield _work("distributions to sign", distributions.approval_queue(user), address)
        address = f"{reverse('admin:distributions_allocationwriteoff_changelist')}?status__exact=PROPOSED"
        yield _work("write-offs to decide", distributions.write_off_queue(user), address)
    yield from _capital(user)
    if user.has_perm(permissions.ACTIVATE_TERMS):
        address = f"{reverse('admin:distributions_waterfallterms_changelist')}?status__exact=DRAFT"
        yield _work("waterfall terms to activate", terms.activation_queue(user), address)
        address = f"{reverse('admin:distributions_fundarrangement_changelist')}?status__exact=DRAFT"
        yield _work("funds to activate", fund_arrangements.activation_queue(user), address)
    if user.has_perm(permissions.EXECUTE_DISTRIBUTION):
        address = f"{reverse('admin:distributions_distribution_changelist')}?status__exact=APPROVED"
        yield _work("distributions to execute", Distribution.objects.filter(status="APPROVED"), address)
    if user.has_perm(permissions.APPROVE_CLOSING):
        address = f"{reverse('admin:escrow_closing_changelist')}?status__exact=PROPOSED"
        proposed = Closing.objects.filter(status=Closing.Status.PROPOSED).exclude(proposed_by=user)
        proposed = proposed.exclude(approvals__approver=user)
        yield _work("closings to sign", proposed, address)
    if user.has_perm(permissions.APPROVE_REVERSAL):
        address = f"{reverse('admin:escrow_journalreversal_changelist')}?status__exact=PROPOSED"
        yield _work("reversals to decide", reversals.awaiting_approval().exclude(proposed_by=user), address)
    yield from _refunds(user)
    if user.has_perm(permissions.RETRY_PAYMENT):
        failed = Transaction.objects.filter(status=Transaction.Status.FAILED)
        yield _work("failed payments", failed, f"{payments}?status__exact=FAILED")
    if user.has_perm(permissions.HOLD_PAYMENT):
        held = Transaction.objects.filter(status=Transaction.Status.ON_HOLD)
        yield _work("payments on hold", held, f"{payments}?status__exact=ON_HOLD")
    if user.has_perm(permissions.VERIFY_BANK_ACCOUNT):
        address = f"{reverse('admin:finance_bankaccount_changelist')}?status__exact=PENDING_VERIFICATION"
        new = BankAccount.objects.filter(status=BankAccount.Status.PENDING_VERIFICATION)
        yield _work("bank accounts to verify", new, address)
    if user.has_perm(permissions.REVIEW_CHECK):
        address = f"{reverse('admin:compliance_compliancecheck_changelist')}?status__exact=MANUAL_REVIEW"
        checks = ComplianceCheck.objects.filter(status=CheckStatus.MANUAL_REVIEW, reviewed_by__isnull=True)
        yield _work("checks to review", checks, address)
    if user.has_perm(permissions.RECONCILE):
        latest = Reconciliation.objects.filter(escrow_account=OuterRef("pk")).order_by("-created_at", "-id")
        proven = EscrowAccount.objects.annotate(latest=Subquery(latest.values("result")[:1]))
        wrong = proven.filter(latest=Reconciliation.Result.MISMATCHED)
        address = f"{reverse('admin:escrow_reconciliation_changelist')}?result__exact=MISMATCHED"
        yield _work("accounts that do not reconcile", wrong, address)
        aged = EscrowAccount.objects.annotate(aged=Subquery(latest.values("aged_items")[:1])).filter(aged__gt=0)
        address = reverse("admin:escrow_reconciliation_changelist")
        yield _work("accounts with bank items unmatched for over 5 business days", aged, address)
    if user.has_perm(permissions.APPROVE_BANK_PROPOSAL):
        address = f"{reverse('admin:escrow_bankproposal_changelist')}?status__exact=PROPOSED"
        proposals = BankProposal.objects.filter(status=BankProposal.Status.PROPOSED).exclude(proposed_by=user)
        yield _work("bank fees, claims and matches to sign", proposals, address)


def _capital(user: User) -> Iterator[Work]:
    if user.has_perm(permissions.APPROVE_CAPITAL_CALL):
        address = f"{reverse('admin:distributions_capitalcall_changelist')}?status__exact=PENDING_APPROVAL"
        calls = CapitalCall.objects.filter(status=CapitalCall.Status.PENDING_APPROVAL).exclude(created_by=user)
        yield _work("capital calls to approve", calls, address)
    if user.has_perm(permissions.APPROVE_TRANSFER):
        address = f"{reverse('admin:distributions_investmenttransfer_changelist')}?status__exact=PROPOSED"
        moves = InvestmentTransfer.objects.filter(status=InvestmentTransfer.Status.PROPOSED).exclude(proposed_by=user)
        yield _work("transfers to approve", moves, address)


def _refunds(user: User) -> Iterator[Work]:
    runs, items = reverse("admin:finance_refundrun_changelist"), reverse("admin:finance_refunditem_changelist")
    if user.has_perm(permissions.APPROVE_REFUND_RUN):
        proposed = refund_runs.awaiting_signature(user)
        yield _work("refund runs to sign", proposed, f"{runs}?status__exact=PROPOSED")
        named = RefundItem.objects.filter(status="BLOCKED", redirected_by__isnull=False, redirect_approved_by=None)
        yield _work("refund accounts to agree to", named.exclude(redirected_by=user), f"{items}?status__exact=BLOCKED")
    if user.has_perm(permissions.PROPOSE_REFUND_RUN):
        yield _work("blocked refunds", refund_runs.blocked(), f"{items}?status__exact=BLOCKED")
        late = refund_runs.overdue(banking_date(clock.now()))
        yield _work("overdue refunds", late, f"{runs}?status__exact=RUNNING")
        failed = Offering.objects.filter(
            status=Offering.Status.OPEN, deadline_at__lte=clock.now(), escrow_account__isnull=False
        ).exclude(refund_runs__status__in=["PROPOSED", "RUNNING"])
        yield _work("raises past their deadline", failed, reverse("admin:finance_refundrun_task", args=["propose"]))


def _work(label: str, rows: QuerySet[Any], address: str) -> Work:
    return Work(label, len(rows.order_by().select_related(None).values_list("pk", flat=True)[:AT_MOST]), address)
