"""
Entitlements: what everybody is due of a distribution, worked out from the ledger.

Contributions are the releases at an offering's closings and of its capital calls, as the ledger has
them, each from its effective date; premium and interest on a call are none. What changed hands is told
by the transfers that were executed. History is every distribution that has been approved, whether or not its payments
have arrived: what was allocated is owed, and must not be allocated again.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import starmap
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Sum

from distributions import waterfall
from distributions.models import Distribution, DistributionAllocation, InvestmentTransfer, WaterfallTerms
from distributions.queries import class_explanations, explanations, histories
from distributions.queries import terms as terms_queries
from distributions.waterfall import PastDistribution, Position, Result, Transfer
from escrow.models import EscrowAccount, EscrowLedgerEntry, Investment, JournalEntry, LedgerAccount
from escrow.queries.balances import balance
from realco import copying
from realco.errors import Refusal
from realco.identifiers import new_id
from realco.money import to_json

PARTS = ("return_of_capital", "preferred_return", "sponsor_catch_up", "profit_split")
"""The columns of an allocation that the waterfall fills."""

CHARGES = ":charges"
"""How references of releases end that are premium and interest on a capital call."""


class Figures(NamedTuple):
    """Who gets what of a distribution, and who decided so: what approvers sign of an allocation."""

    pk: UUID
    investor_id: UUID
    investment_id: UUID | None
    return_of_capital: Decimal
    preferred_return: Decimal
    sponsor_catch_up: Decimal
    profit_split: Decimal
    premium_amount: Decimal
    total_amount: Decimal
    fee_amount: Decimal
    withholding_amount: Decimal
    net_amount: Decimal
    calculated: dict[str, str] | None
    override_reason: str
    overridden_by_id: UUID | None
    override_confirmed_by_id: UUID | None


class NoTerms(Refusal):
    """The offering has no waterfall terms on that day."""


class NotDistributable(Refusal):
    """The waterfall cannot be run on these figures; the message says why."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that a distribution's numbers follow from, besides its amount and its day."""

    terms: WaterfallTerms
    offering_balance: Decimal
    investments: dict[str, tuple[UUID, UUID]]
    positions: tuple[Position, ...]
    history: tuple[PastDistribution, ...]
    history_numbers: tuple[str, ...]
    transfers: tuple[Transfer, ...] = ()

    def as_json(self) -> dict[str, str]:
        """Return it JSON-ready and short: the long parts as SHA-256."""
        contributions: list[list[object]] = [
            [
                position.key,
                str(position.ownership),
                [[day.isoformat(), to_json(paid)] for day, paid in position.contributions],
                *([position.investor_class] if position.investor_class else []),
            ]
            for position in self.positions
        ]
        # Digests of offerings in which nothing changed hands stay what they were.
        contributions.extend([one.on.isoformat(), one.seller, one.buyer, str(one.part)] for one in self.transfers)
        past = [
            [
                one.on.isoformat(),
                [
                    [line.key, *map(to_json, (line.return_of_capital, line.preferred_return, line.profit_split))]
                    for line in one.lines
                ],
                to_json(one.sponsor_catch_up),
                to_json(one.sponsor_profit_split),
                *([[name, to_json(amount)] for name, amount in one.promote_by_class]),
            ]
            for one in self.history
        ]
        return {
            "terms": str(self.terms.pk),
            "terms_version": str(self.terms.version),
            "offering_balance": to_json(self.offering_balance),
            "contributions": _digest(contributions),
            "history": _digest(past),
            "history_numbers": ", ".join(self.history_numbers),
        }


@dataclass(frozen=True, slots=True)
class Entitlements:
    """A run of the waterfall: what it rests on, its result, and each payee's allocation, not saved."""

    basis: Basis
    result: Result
    allocations: tuple[DistributionAllocation, ...]
    tiers: list[dict[str, str]]


def entitlements(distribution: Distribution) -> Entitlements:
    """
    Work out what everybody is due of a distribution, as things stand now.

    Allocations come in the order of their investments, the sponsor last; nobody gets one who is
    due nothing.

    :raises NoTerms: if the offering has no terms on that day
    :raises NotDistributable: if the waterfall cannot be run on the ledger's figures
    """
    basis = basis_of(distribution)
    terms = terms_queries.as_engine(basis.terms)
    result = _worked(distribution, basis)
    words = class_explanations.explain(terms, basis.positions, result, version=basis.terms.version)
    return Entitlements(
        basis=basis,
        result=result,
        allocations=tuple(_allocations(distribution, basis, result, words)),
        tiers=class_explanations.tiers(terms, result),
    )


def _worked(distribution: Distribution, basis: Basis) -> Result:
    try:
        return waterfall.calculate(
            terms_queries.as_engine(basis.terms),
            basis.positions,
            basis.history,
            distribution.net_amount,
            distribution.as_of_date,
            transfers=basis.transfers,
        )
    except waterfall.UnworkableFigures as error:
        raise NotDistributable(f"{error} Choose another day or amount.") from error


def basis_of(distribution: Distribution, *, looking_back: bool = False) -> Basis:
    """
    Read what a distribution's numbers follow from.

    ``looking_back`` is for those who only look: what changed hands later is then no obstacle.

    :raises NoTerms: if the offering has no terms on that day
    :raises NotDistributable: if money was released for somebody who has no investment, or an investment
        changed hands later than that day, so that its buyer is due what comes now
    """
    handed_over = transfers(distribution.offering_id, until=date.max)
    if not looking_back and handed_over and handed_over[-1].on > distribution.as_of_date:
        raise NotDistributable(
            f"An investment changed hands on {handed_over[-1].on}; distribute as of that day or a later one."
        )
    handed_over = tuple(one for one in handed_over if one.on <= distribution.as_of_date)
    terms = terms_queries.in_force(distribution.offering_id, distribution.as_of_date)
    if terms is None:
        raise NoTerms(
            f"{distribution.offering} has no waterfall terms in force on {distribution.as_of_date}."
            " Give it terms first."
        )
    investments, positions = _positions(distribution, terms, handed_over, on=distribution.as_of_date)
    history, numbers = histories.of(distribution)
    return Basis(
        terms=terms,
        offering_balance=balance(distribution.escrow_account_id, LedgerAccount.Kind.OFFERING),
        investments=investments,
        positions=positions,
        history=history,
        history_numbers=numbers,
        transfers=handed_over,
    )


def sample(
    terms: WaterfallTerms, account: EscrowAccount, on: date
) -> tuple[Sequence[Position], Sequence[PastDistribution], Sequence[Transfer]]:
    """
    Return the investors of an account's offering, its distributions so far and what changed hands, as terms would
    see them on a day.

    The terms need not be in force, nor be the offering's own.

    :raises NotDistributable: if money was released for somebody who has no investment
    """
    distribution = Distribution(offering_id=account.offering_id, escrow_account=account, as_of_date=on)
    handed_over = transfers(account.offering_id, until=on)
    _, positions = _positions(distribution, terms, handed_over, on=on)
    history, _ = histories.of(distribution)
    return positions, history, handed_over


def transfers(offering_id: UUID, *, until: date) -> tuple[Transfer, ...]:
    """Return what changed hands up to a day, in the order in which it took effect."""
    rows = (
        InvestmentTransfer.objects.filter(
            offering_id=offering_id, status=InvestmentTransfer.Status.EXECUTED, effective_date__lte=until
        )
        .order_by("effective_date", "executed_at", "id")
        .values_list("effective_date", "seller_investment_id", "buyer_investment_id", "part")
    )
    return tuple(Transfer(day, str(seller), str(buyer), part) for day, seller, buyer, part in rows)


def changes_since(distribution: Distribution, *, anew: bool) -> list[str]:
    """
    Return in words what has changed since a distribution's numbers were drawn up; empty if nothing has.

    ``anew`` works the waterfall again as well, which finds what none of its figures shows: that it counts
    in another way by now.
    """
    before = distribution.metadata.get("basis", {})
    try:
        found = basis_of(distribution)
        result = _worked(distribution, found) if anew else None
    except Refusal as refusal:
        return [str(refusal)]
    basis = found.as_json()
    changes = []
    if basis["terms"] != before.get("terms"):
        changes.append(
            f"version {basis['terms_version']} of the terms is in force, it was {before.get('terms_version')}"
        )
    if basis["contributions"] != before.get("contributions"):
        changes.append("investments have changed")
    if basis["history"] != before.get("history"):
        changes.append(
            f"other distributions have been approved or cancelled (now counted: {basis['history_numbers'] or 'none'})"
        )
    if not changes and result is not None and not _same(distribution, _allocations(distribution, found, result, {})):
        changes.append("the numbers come out differently")
    return changes


def standing(distribution: Distribution) -> list[DistributionAllocation]:
    """Return a distribution's allocations that stand, those of investors first."""
    rows = standing_rows(distribution).select_related("investor", "investment")
    return sorted(rows, key=lambda row: (row.investment_id is None, str(row.investment_id)))


def figures(distribution: Distribution) -> list[Figures]:
    """Return who gets what of a distribution, and who decided so: all that is signed of its allocations."""
    return list(starmap(Figures, standing_rows(distribution).values_list(*Figures._fields)))


def standing_rows(distribution: Distribution) -> QuerySet[DistributionAllocation]:
    """Return the allocations of a distribution that stand, in no order."""
    rows = DistributionAllocation.objects.filter(distribution=distribution).order_by()
    return rows.exclude(status=DistributionAllocation.Status.CANCELLED)


def pays(distribution: Distribution, user_id: UUID) -> bool:
    """Whether a person is among a distribution's payees."""
    rows = distribution.allocations.filter(investor_id=user_id)
    return rows.exclude(status=DistributionAllocation.Status.CANCELLED).exists()


def _same(distribution: Distribution, allocations: Iterable[DistributionAllocation]) -> bool:
    return {_given(row) for row in figures(distribution)} == {_given(row) for row in allocations}


def _given(row: DistributionAllocation | Figures) -> tuple[object, ...]:
    """Return what the waterfall gave, whatever people decided instead and whatever is taken off."""
    parts = [getattr(row, name) for name in PARTS]
    if row.calculated is not None:
        parts = [Decimal(row.calculated[name]) for name in PARTS]
    return (row.investor_id, row.investment_id, *parts)


def positions(distribution: Distribution, *, on: date, only: Collection[UUID]) -> tuple[Position, ...]:
    """Return the positions of some investments of a distribution's offering on a day, in the order of their keys."""
    terms = distribution.terms
    assert terms is not None
    handed_over = transfers(distribution.offering_id, until=on)
    return _positions(distribution, terms, handed_over, on=on, only=only)[1]


def releases() -> QuerySet[EscrowLedgerEntry]:
    """
    Return what was released of investors' money and became their capital, in no order; what was reversed did not.

    Reversals are looked for by NOT EXISTS: of a join that finds none, the planner expects one row of fifty thousand.
    """
    rows = EscrowLedgerEntry.objects.filter(
        ~Exists(JournalEntry.objects.filter(reverses=OuterRef("journal_entry"))),
        journal_entry__event=JournalEntry.Event.RELEASE,
        ledger_account__kind=LedgerAccount.Kind.INVESTOR,
    )
    return rows.exclude(journal_entry__reference__endswith=CHARGES).order_by()


def _positions(
    distribution: Distribution,
    terms: WaterfallTerms,
    handed_over: tuple[Transfer, ...],
    *,
    on: date,
    only: Collection[UUID] | None = None,
) -> tuple[dict[str, tuple[UUID, UUID]], tuple[Position, ...]]:
    """Return investment and investor by key, and the positions the ledger shows, in the order of their keys."""
    investments = Investment.objects.filter(offering_id=distribution.offering_id)
    investments = investments.exclude(status=Investment.Status.CANCELLED)
    released = (
        releases()
        .filter(escrow_account_id=distribution.escrow_account_id, effective_date__lte=on)
        .values_list("ledger_account__owner_id", "effective_date")
        .annotate(Sum("amount"))
    )
    if only is not None:
        investments = investments.filter(pk__in=only)
        released = released.filter(ledger_account__owner__in=investments.values("investor_id"))
    contributions: dict[UUID, list[tuple[date, Decimal]]] = defaultdict(list)
    for investor_id, day, amount in released:
        contributions[investor_id].append((day, amount))
    held = {
        investor_id: (investment_id, ownership, class_name)
        for investor_id, investment_id, ownership, class_name in investments.values_list(
            "investor_id", "id", "ownership_percentage", "class_name"
        )
    }
    strangers = contributions.keys() - held.keys()
    if strangers:
        raise NotDistributable(
            f"Money was released for {len(strangers)} people who have no investment in {distribution.offering}."
            " Check its closings before you distribute."
        )
    has_classes = bool(terms_queries.class_names(terms))
    buyers = {one.buyer for one in handed_over}
    for investor_id, (investment_id, _, _) in held.items() if buyers else ():
        if str(investment_id) in buyers:
            contributions.setdefault(investor_id, [])
    found, told = {}, []
    for investor_id, paid in contributions.items():
        investment_id, percentage, class_name = held[investor_id]
        key = str(investment_id)
        found[key] = (investment_id, investor_id)
        ownership = percentage / 100 if percentage is not None else None
        told.append(Position(key, tuple(sorted(paid)), ownership, class_name if has_classes else ""))
    return found, tuple(sorted(told, key=lambda position: position.key))


def _allocations(
    distribution: Distribution, basis: Basis, result: Result, words: dict[str, dict[str, object]]
) -> Iterable[DistributionAllocation]:
    pattern = copying.Pattern(DistributionAllocation(distribution=distribution))
    for share in result.shares:
        if share.total:
            investment_id, investor_id = basis.investments[share.key]
            yield pattern.row(
                id=new_id(),
                investor_id=investor_id,
                investment_id=investment_id,
                return_of_capital=share.return_of_capital,
                preferred_return=share.preferred_return,
                profit_split=share.profit_split,
                total_amount=share.total,
                net_amount=share.total,
                explanation=words.get(share.key, {}),
            )
    if result.sponsor.total:
        yield DistributionAllocation(
            distribution=distribution,
            investor_id=distribution.offering.organization.owner_id,
            sponsor_catch_up=result.sponsor.catch_up,
            profit_split=result.sponsor.profit_split,
            total_amount=result.sponsor.total,
            net_amount=result.sponsor.total,
            explanation=words.get(explanations.SPONSOR, {}),
            metadata={"promote_by_class": [[name, to_json(amount)] for name, amount in result.sponsor.by_class]}
            if result.sponsor.by_class
            else {},
        )


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
