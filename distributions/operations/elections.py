"""
Elections: an investor chooses to put future distributions of an investment into another offering.

Only the investor can choose. The newest choice for an investment counts; it can be withdrawn at any time, and then
counts for nothing that has not been moved yet. A sweep ends those whose target takes no more money.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from distributions.models import ReinvestmentElection
from distributions.queries import reinvestments as queries
from escrow.models import Investment
from realco import audit, money, permissions
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User

Basis = ReinvestmentElection.Basis
Status = ReinvestmentElection.Status
_FINEST = Decimal("0.000001")
_REPLACED = "Replaced by a newer choice"


class UnworkableElection(Refusal):
    """How much is to be reinvested makes no sense; the message says what to enter."""


class NotReinvestable(Refusal):
    """Nothing can be reinvested from this investment, or into that offering."""

    code = "INVALID_STATE_TRANSITION"


class ElectionOver(IllegalTransition):
    """The election was withdrawn or has ended."""


def elect(
    investment: Investment,
    *,
    target: Offering,
    basis: str,
    rate: Decimal | None = None,
    amount: Decimal | None = None,
    by: User,
    at: datetime,
) -> ReinvestmentElection:
    """
    Choose that future distributions of an investment go into another offering; the same choice again is the same row.

    ``rate`` is a fraction of what is due, ``amount`` US dollars; which is needed is said by ``basis``. It counts
    for distributions submitted from now on and replaces what was chosen for this investment before.

    :raises NotPermitted: if the investment is somebody else's
    :raises UnworkableElection: if how much makes no sense
    :raises NotReinvestable: if the investment is over, or the target is its own offering or takes no money
    """
    if not by.is_active or by.pk != investment.investor_id:
        raise NotPermitted("Only the investor chooses what is done with their distributions.")
    rate, amount = _how_much(basis, rate, amount)
    with audit.acting("reinvestment.elect", by=by), transaction.atomic():
        investment = Investment.objects.select_for_update(no_key=True).get(pk=investment.pk)
        if investment.status not in (Investment.Status.PENDING, Investment.Status.ACTIVE):
            raise NotReinvestable(f"This investment is {investment.get_status_display().lower()}.")
        _require_target(investment, target, at=at)
        standing = ReinvestmentElection.objects.select_for_update().filter(investment=investment, status=Status.ACTIVE)
        for earlier in standing:
            if (earlier.target_offering_id, earlier.basis, earlier.rate, earlier.amount) == (
                target.pk, basis, rate, amount,
            ):  # fmt: skip
                return earlier
            earlier.mark_withdrawn(by=by, reason=_REPLACED, at=at)
            earlier.save()
        return ReinvestmentElection.objects.create(
            investor=by,
            investment=investment,
            target_offering=target,
            basis=basis,
            rate=rate,
            amount=amount,
            elected_by=by,
            elected_at=at,
            created_at=at,
        )


def withdraw(election: ReinvestmentElection, *, by: User, at: datetime, reason: str = "") -> ReinvestmentElection:
    """
    Withdraw an election; what it chose and was not moved yet is paid in cash.

    :raises NotPermitted: if it is somebody else's, and the person may not create distributions
    :raises ReasonMissing: if staff withdraw it without a reason
    :raises ElectionOver: if it was withdrawn before, or has ended
    """
    if by.pk != election.investor_id:
        permissions.require(by, permissions.CREATE_DISTRIBUTION)
        if not reason.strip():
            raise UnworkableElection("Say why; the investor reads it.")
    with audit.acting("reinvestment.withdraw", by=by, reason=reason), transaction.atomic():
        election = ReinvestmentElection.objects.select_for_update(of=("self",)).get(pk=election.pk)
        if election.status != Status.ACTIVE:
            raise ElectionOver(f"This choice is {election.get_status_display().lower()} already.")
        words = reason.strip() or "Withdrawn by the investor"
        election.mark_withdrawn(by=by, reason=words[:300], at=at)
        election.save()
    return election


def end_closed(election_id: UUID, *, at: datetime) -> bool:
    """
    End an election whose target takes no more money, or whose investment is over; return whether it was ended.

    One that somebody has locked, to move its money or to change it, is left for the next time.
    """
    with audit.acting("reinvestment.end"), transaction.atomic():
        over = queries.no_longer_open(at).filter(pk=election_id)
        election = over.select_for_update(of=("self",), skip_locked=True).first()
        if election is None:
            return False
        election.mark_ended(reason=_why_over(election), at=at)
        election.save()
    return True


def _why_over(election: ReinvestmentElection) -> str:
    if election.investment.status in (Investment.Status.COMPLETED, Investment.Status.CANCELLED):
        return "The investment is over"
    return f"{election.target_offering} takes no more investments"[:300]


def _how_much(basis: str, rate: Decimal | None, amount: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Check how much is to be reinvested, and leave away what its basis does not need."""
    if basis == Basis.ALL:
        return None, None
    if basis == Basis.PERCENTAGE:
        if rate is None or not rate.is_finite() or not 0 < rate <= 1 or rate != rate.quantize(_FINEST):
            raise UnworkableElection("Enter a percentage above 0 and up to 100, with four decimals at most.")
        return rate, None
    if basis == Basis.AMOUNT:
        if amount is None:
            raise UnworkableElection("Enter how many dollars of each distribution are reinvested.")
        return None, money.positive(amount)
    raise UnworkableElection(f"“{basis}” is no choice; use one of {', '.join(Basis.values)}.")


def _require_target(investment: Investment, target: Offering, *, at: datetime) -> None:
    if target.pk == investment.offering_id:
        raise NotReinvestable("Choose another offering than the one that distributes.")
    if not queries.targets(at=at).filter(pk=target.pk).exists():
        raise NotReinvestable(f"{target} takes no investments now. Choose an offering that is open.")
