"""The approval queue: what waits for the person looking, and for nobody who must not sign it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from finance.models import Transaction
from finance.operations import orders, transactions
from finance.queries import approvals
from realco import permissions
from realco.admin_bulk import BulkAdmin
from realco.admin_steps import Order, Reason, Step, may, person_of
from realco.errors import Refusal
from realco.models import User
from realco.money import format_money

PAGE = 100
Status = Transaction.Status


def _approve(payment: Transaction, order: Order) -> object:
    return transactions.approve(payment, approver=order.by, at=order.at, reason=order.reason)


def _reject(payment: Transaction, order: Order) -> object:
    return transactions.reject(payment, approver=order.by, reason=order.reason, at=order.at)


def _waits(payment: Transaction) -> bool:
    return str(payment.status) == Status.PENDING_APPROVAL


def _may_not_sign(payment: Transaction, user: User) -> str:
    """Say why this person cannot sign the payment."""
    if user.pk == payment.initiated_by_id:
        return "You asked for this payment; somebody else must approve it."
    if user.pk in (payment.from_user_id, payment.to_user_id):
        return "This payment is yours; somebody else must approve it."
    if user.pk == payment.approved_by_id:
        return "You have approved this payment; a second person must approve it too."
    return ""


def _may_not_reject(payment: Transaction, user: User) -> str:
    return "You asked for this payment; cancel it instead." if user.pk == payment.initiated_by_id else ""


APPROVE = Step(
    name="approve",
    label="Approve",
    permission=permissions.APPROVE_PAYMENT,
    act=_approve,
    when=_waits,
    problem=_may_not_sign,
    explains="You sign this payment. With the last signature its money is reserved and it goes to the bank.",
    done="Approved.",
    reason=Reason.OPTIONAL,
    in_bulk=True,
)
REJECT = Step(
    name="reject",
    label="Reject",
    permission=permissions.APPROVE_PAYMENT,
    act=_reject,
    when=_waits,
    problem=_may_not_reject,
    explains="The payment is cancelled for good, with your reason. Its money was not touched.",
    done="Rejected.",
    is_grave=True,
    in_bulk=True,
)


def signatures(payment: Any) -> str:
    """Say how many signatures it has, and of whom."""
    if not payment.approvals_required:
        return "none needed"
    names = [str(person) for person in (payment.approved_by, payment.second_approved_by) if person is not None]
    by = f" ({', '.join(names)})" if names else ""
    return f"{len(names)} of {payment.approvals_required}{by}"


class ApprovalsAdmin(BulkAdmin):
    """The part of the payments' pages that is about approving them."""

    fieldsets: ClassVar[Any] = None
    amount_field = "amount"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.approvals_view)
        return [path("approvals/", view, name="finance_transaction_approvals"), *super().get_urls()]

    def approvals_view(self, request: HttpRequest) -> HttpResponse:
        """List what waits for this person, oldest first; nothing happens here before a confirmation."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = person_of(request)
        rows = list(approvals.queue(user)[: PAGE + 1]) if may(user, permissions.APPROVE_PAYMENT) else []
        missing = approvals.shortfalls(rows[:PAGE])
        return self.page(
            request,
            "admin/staff/approvals.html",
            title="Approval queue",
            rows=[(payment, missing.get(payment.pk)) for payment in rows[:PAGE]],
            has_more=len(rows) > PAGE,
            may_approve=may(user, permissions.APPROVE_PAYMENT),
            here=reverse("admin:finance_transaction_approvals"),
            bulk=[(step, reverse("admin:finance_transaction_bulk", args=[step.name])) for step in (APPROVE, REJECT)],
        )

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        """Add what whoever decides must know: what it is for, who asked, and who has signed."""
        more = [
            ("Description", row.description or "–"),
            ("Asked by", row.initiated_by),
            ("Signatures", signatures(row)),
        ]
        return [*super().facts_of(request, row), *more]

    def outcome_of(self, step: Step, row: Any) -> str:
        """Tell a first signature, after which another person must sign, from the last one."""
        if step is not APPROVE:
            return super().outcome_of(step, row)
        given = (row.approved_by_id is not None) + 1
        is_last = given >= row.approvals_required
        return (
            "Signed and sent to the bank" if is_last else f"Signature {given} of {row.approvals_required}; then waits"
        )

    def obstacles(self, step: Step, rows: Sequence[Any], request: HttpRequest) -> list[str]:
        """Look at the chosen payments together: approving all of them may take more than there is."""
        found = super().obstacles(step, rows, request)
        if step is not APPROVE:
            return found
        able = [row for row, problem in zip(rows, found, strict=True) if not problem]
        missing = approvals.shortfalls(able)
        return [problem or self._escrow_refuses(row, missing) for row, problem in zip(rows, found, strict=True)]

    def _escrow_refuses(self, payment: Transaction, missing: dict[Any, Any]) -> str:
        if payment.pk in missing:
            return f"Escrow is {format_money(missing[payment.pk])} short of it."
        try:
            orders.require_escrow_open(payment.escrow_account, payment.type)
        except Refusal as refusal:
            return str(refusal)
        return ""
