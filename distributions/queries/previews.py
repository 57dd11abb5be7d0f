"""
Previews: what an amount on a day would pay to whom, worked out from the ledger, and written nowhere.

The database itself is told to refuse writing while a preview reads. A preview of fifty thousand
investors is worked out once and read page by page; money an offering may still hold or be worth
afterwards is shared as if it were distributed on the same day.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from distributions import metrics, waterfall, what_ifs
from distributions.metrics import Performance
from distributions.models import Distribution, DistributionAllocation, WaterfallTerms
from distributions.positions import LineTable, PastDistribution
from distributions.queries import distributions as queries
from distributions.queries import entitlements, explanations, fund_deals, payees
from distributions.queries import terms as terms_queries
from distributions.queries.entitlements import Basis, NotDistributable
from distributions.queries.fund_deals import Effect
from distributions.queries.preview_lines import ANY, Line, Lines
from distributions.what_ifs import Outcome
from escrow.models import EscrowAccount
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import Offering
from realco.money import ZERO, from_cents


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
    """
    A preview: the tiers, the line of each investor in the order of their keys, and what is told of all.

    ``fund`` is what the sponsor's promote would do to the clawback of the offering's fund, where it is in one.
    """

    question: Question
    terms: WaterfallTerms
    made_at: datetime
    available: Decimal
    tiers: Sequence[TierLine]
    lines: Lines
    sponsor: Decimal
    sponsor_last: Decimal
    sponsor_residual: Decimal
    last_on: date | None
    classes: Mapping[str, Performance]
    counted: tuple[str, ...]
    fund: Effect | None = None

    @property
    def investors(self) -> Decimal:
        """What all investors would get, US dollars."""
        return self.lines.sum("total")

    def total(self, name: str) -> Decimal:
        """Return the exact sum of a column over all investors."""
        return self.lines.sum(name)

    def marked(self, mark: str = "") -> list[Line]:
        """Return the lines with a mark, or with any."""
        return [self.lines[row] for row in self.lines.chosen(mark or ANY)]


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
    on, moves = answer.question.on, answer.lines.outcome.moves
    return {
        line.key: Performance(
            on,
            line.contributions,
            (*received[line.key], (on, line.total)),
            line.residual,
            metrics.taken_over(moves.get(line.key, ())),
            metrics.handed_over(moves.get(line.key, ())),
        )
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
            outcome = what_ifs.outcome(
                terms, basis.positions, basis.history, question.amount, question.residual, question.on,
                transfers=basis.transfers,
            )  # fmt: skip
        except waterfall.UnworkableFigures as error:
            raise NotDistributable(f"{error} Choose another day or amount.") from error
        last = basis.history[-1] if basis.history else None
        return Answer(
            question=question,
            terms=basis.terms,
            made_at=at,
            available=queries.available(account.pk),
            tiers=_tiers(outcome),
            lines=Lines(
                outcome,
                [basis.investments[key][1].int for key in outcome.keys],
                _obstacles(imagined, basis, at=at),
                question.tolerance,
            ),
            sponsor=from_cents(outcome.sponsor),
            sponsor_last=last.sponsor_catch_up + last.sponsor_profit_split if last else ZERO,
            sponsor_residual=from_cents(outcome.sponsor_residual),
            last_on=last.on if last else None,
            classes=outcome.performances,
            counted=basis.history_numbers,
            fund=fund_deals.effect(question.offering.pk, _as_past(outcome), on=max(question.on, banking_date(at))),
        )


@contextmanager
def writing_nothing() -> Iterator[None]:
    """
    Let the database refuse every write until the end of the block.

    Meanwhile Python looks for no garbage: going through some hundred thousand positions and amounts again and
    again, none of which is any, took a third of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
            yield
    finally:
        if was_enabled:
            gc.enable()


def _tiers(outcome: Outcome) -> list[TierLine]:
    return [
        TierLine(one.investor_class, explanations.title(one.tier), *map(from_cents, (one.to_investors, one.to_sponsor)))
        for one in outcome.tiers
    ]


def _as_past(outcome: Outcome) -> PastDistribution:
    """Return what would be distributed as the fund would remember it."""
    lines = LineTable(tuple(outcome.keys), outcome.capital, outcome.preferred, outcome.profit)
    return PastDistribution(outcome.on, lines, sponsor_profit_split=from_cents(outcome.sponsor))


class _Imagined(NamedTuple):
    """An allocation that is not there: fifty thousand rows of the model would take seconds to make."""

    investment_id: UUID
    investor_id: UUID

    @property
    def id(self) -> UUID:
        """The investment stands for it."""
        return self.investment_id


def _obstacles(imagined: Distribution, basis: Basis, *, at: datetime) -> dict[str, str]:
    """Return why some cannot be paid now, by key; only those are looked at for whom anything is amiss."""
    amiss = payees.amiss(imagined.offering_id, at=at)
    asked = [_Imagined(*ids) for ids in basis.investments.values() if ids[1] in amiss]
    found = payees.of(imagined, asked, at=at) if asked else {}
    return {str(key): payee.obstacle for key, payee in found.items() if payee.obstacle}
