"""
Previews: what an amount on a day would pay to whom, worked out from the ledger, and written nowhere.

The database itself is told to refuse writing while a preview reads. A preview of fifty thousand
investors is worked out once and read page by page; money an offering may still hold or be worth
afterwards is shared as if it were distributed on the same day.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from distributions import metrics, waterfall
from distributions.metrics import Performance
from distributions.models import Distribution, DistributionAllocation, WaterfallTerms
from distributions.queries import distributions as queries
from distributions.queries import entitlements, explanations, payees
from distributions.queries import terms as terms_queries
from distributions.queries.entitlements import Basis, NotDistributable
from distributions.terms import classes_of
from distributions.waterfall import ClassedTerms, PastDistribution, Result, Terms
from escrow.models import EscrowAccount
from realco.errors import Refusal
from realco.models import Offering
from realco.money import ZERO

NOTHING, OFF, OBSTACLE = "nothing", "off", "obstacle"
_PLACES = Decimal("0.0001")


class NoEscrowAccount(Refusal):
    """The offering has no escrow account to pay from."""


@dataclass(frozen=True, slots=True)
class Question:
    """
    An amount that an offering would distribute on a day, US dollars.

    ``residual`` is what the investment would still be worth afterwards; ``tolerance`` by how much of
    their pro rata share (0.05 is 5 %) somebody may be off it without being marked.
    """

    offering: Offering
    amount: Decimal
    on: date
    residual: Decimal = ZERO
    tolerance: Decimal = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Line:
    """What one investor would get, what is odd about it, and where it would leave them."""

    key: str
    investor_id: UUID
    investor_class: str
    contributions: tuple[tuple[date, Decimal], ...]
    contributed: Decimal
    return_of_capital: Decimal
    preferred_return: Decimal
    profit: Decimal
    last: Decimal
    residual: Decimal
    unreturned_after: Decimal
    off_pro_rata: Decimal | None
    marks: tuple[str, ...]
    obstacle: str

    @property
    def total(self) -> Decimal:
        """All that this investor would get, US dollars."""
        return self.return_of_capital + self.preferred_return + self.profit

    @property
    def change(self) -> Decimal:
        """How much more than in the last distribution, US dollars."""
        return self.total - self.last


@dataclass(frozen=True, slots=True)
class TierLine:
    """What one tier would take, of a class where there are classes; US dollars."""

    investor_class: str
    title: str
    to_investors: Decimal
    to_sponsor: Decimal

    @property
    def took(self) -> Decimal:
        """All that it would take."""
        return self.to_investors + self.to_sponsor


@dataclass(frozen=True)
class Answer:
    """A preview: the tiers, the line of each investor in the order of their keys, and what is told of all."""

    question: Question
    terms: WaterfallTerms
    made_at: datetime
    available: Decimal
    tiers: Sequence[TierLine]
    lines: Sequence[Line]
    sponsor: Decimal
    sponsor_last: Decimal
    sponsor_residual: Decimal
    last_on: date | None
    classes: Mapping[str, Performance]
    counted: tuple[str, ...]

    @property
    def investors(self) -> Decimal:
        """What all investors would get, US dollars."""
        return sum((line.total for line in self.lines), ZERO)

    def total(self, name: str) -> Decimal:
        """Return the exact sum of a column over all investors."""
        return sum((getattr(line, name) for line in self.lines), ZERO)

    def marked(self, mark: str = "") -> list[Line]:
        """Return the lines with a mark, or with any."""
        return [line for line in self.lines if (mark in line.marks if mark else line.marks)]


def performances(answer: Answer, lines: Sequence[Line]) -> dict[str, Performance]:
    """Return what the investment would have brought some of the investors by then, by key; one query."""
    received: dict[str, list[tuple[date, Decimal]]] = {line.key: [] for line in lines}
    rows = (
        DistributionAllocation.objects.filter(
            investment_id__in=list(received), distribution__distribution_number__in=answer.counted
        )
        .exclude(status=DistributionAllocation.Status.CANCELLED)
        .order_by("distribution__as_of_date")
        .values_list("investment_id", "distribution__as_of_date", "total_amount")
    )
    for investment_id, day, amount in rows:
        received[str(investment_id)].append((day, amount))
    on = answer.question.on
    return {
        line.key: Performance(on, line.contributions, (*received[line.key], (on, line.total)), line.residual)
        for line in lines
    }


def answer(question: Question, *, at: datetime) -> Answer:
    """
    Work a distribution out as things stand, and write nothing.

    :raises NoEscrowAccount: if the offering has no escrow account
    :raises NoTerms: if it has no terms on that day
    :raises NotDistributable: if the waterfall cannot be run on these figures
    """
    account = EscrowAccount.objects.filter(offering=question.offering).first()
    if account is None:
        raise NoEscrowAccount(f"{question.offering} has no escrow account. Open one first.")
    imagined = Distribution(
        offering=question.offering,
        escrow_account=account,
        total_amount=question.amount,
        net_amount=question.amount,
        as_of_date=question.on,
    )
    with writing_nothing():
        basis = entitlements.basis_of(imagined)
        terms = terms_queries.as_engine(basis.terms)
        try:
            result = waterfall.calculate(
                terms, basis.positions, basis.history, question.amount, question.on, transfers=basis.transfers
            )
            history = (*basis.history, result.as_past())
            left = _left(question, basis, history)
        except waterfall.UnworkableFigures as error:
            raise NotDistributable(f"{error} Choose another day or amount.") from error
        last = basis.history[-1] if basis.history else None
        return Answer(
            question=question,
            terms=basis.terms,
            made_at=at,
            available=queries.available(account.pk),
            tiers=list(_tiers(terms, result)),
            lines=list(_lines(imagined, basis, result, left, tolerance=question.tolerance, at=at)),
            sponsor=result.sponsor.total,
            sponsor_last=last.sponsor_catch_up + last.sponsor_profit_split if last else ZERO,
            sponsor_residual=left.sponsor.total if left else ZERO,
            last_on=last.on if last else None,
            classes=_classes(question, basis, history, left),
            counted=basis.history_numbers,
        )


@contextmanager
def writing_nothing() -> Iterator[None]:
    """Let the database refuse every write until the end of the block."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield


class _Imagined(NamedTuple):
    """An allocation that is not there: fifty thousand rows of the model would take seconds to make."""

    investment_id: UUID
    investor_id: UUID

    @property
    def pk(self) -> UUID:
        """The investment stands for it."""
        return self.investment_id


def _tiers(terms: Terms | ClassedTerms, result: Result) -> Iterator[TierLine]:
    tiers = [tier for one in classes_of(terms).classes for tier in one.terms.tiers]
    for tier, total in zip(tiers, result.tiers, strict=True):
        yield TierLine(total.investor_class, explanations.title(tier), total.lp, total.gp)


def _left(question: Question, basis: Basis, history: Sequence[PastDistribution]) -> Result | None:
    """Share what the investment would still be worth, as if it were distributed on the same day."""
    if not question.residual:
        return None
    terms = terms_queries.as_engine(basis.terms)
    return waterfall.calculate(
        terms, basis.positions, history, question.residual, question.on, transfers=basis.transfers
    )


def _classes(
    question: Question, basis: Basis, history: Sequence[PastDistribution], left: Result | None
) -> dict[str, Performance]:
    """Return what the investment would have brought each class by then, and under no name everybody."""
    residuals = {share.key: share.total for share in left.shares} if left else {}
    everybody = metrics.by_investor(basis.positions, history, question.on, residuals)
    return {**metrics.by_class(basis.positions, everybody), "": metrics.together(list(everybody.values()))}


def _lines(
    imagined: Distribution, basis: Basis, result: Result, left: Result | None, *, tolerance: Decimal, at: datetime
) -> Iterator[Line]:
    allocations = [_Imagined(*basis.investments[share.key]) for share in result.shares]
    now = payees.of(imagined, allocations, at=at)
    before = {line.key: line for line in basis.history[-1].lines} if basis.history else {}
    residuals = {share.key: share.total for share in left.shares} if left else {}
    positions = {position.key: position for position in basis.positions}
    contributed = sum((balance.contributed for balance in result.balances), ZERO)
    everybody = sum((share.total for share in result.shares), ZERO)
    for share, balance, allocation in zip(result.shares, result.balances, allocations, strict=True):
        last = before.get(share.key)
        obstacle = now[allocation.pk].obstacle
        off = _off_pro_rata(share.total, everybody, balance.contributed, contributed)
        yield Line(
            key=share.key,
            investor_id=allocation.investor_id,
            investor_class=positions[share.key].investor_class,
            contributions=tuple(flow for flow in positions[share.key].contributions if flow[0] <= result.on),
            contributed=balance.contributed,
            return_of_capital=share.return_of_capital,
            preferred_return=share.preferred_return,
            profit=share.profit_split,
            last=last.return_of_capital + last.preferred_return + last.profit_split if last else ZERO,
            residual=residuals.get(share.key, ZERO),
            unreturned_after=balance.unreturned_capital,
            off_pro_rata=off,
            marks=_marks(share.total, off, obstacle, tolerance),
            obstacle=obstacle,
        )


def _off_pro_rata(amount: Decimal, everybody: Decimal, capital: Decimal, contributed: Decimal) -> Decimal | None:
    """Return by what part of their share by capital somebody is above or below it; None where there is no share."""
    if not everybody or not capital:
        return None
    pro_rata = everybody * capital / contributed
    return ((amount - pro_rata) / pro_rata).quantize(_PLACES, ROUND_HALF_EVEN)


def _marks(amount: Decimal, off: Decimal | None, obstacle: str, tolerance: Decimal) -> tuple[str, ...]:
    found = []
    if not amount:
        found.append(NOTHING)
    # Less than a cent off is rounding, however small the amount.
    elif off is not None and abs(off) > tolerance and abs(off) * amount > Decimal("0.01"):
        found.append(OFF)
    if obstacle:
        found.append(OBSTACLE)
    return tuple(found)
