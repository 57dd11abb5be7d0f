"""
Capital accounts: where each investor of an offering stands as of a day.

The figures come from the replay of the ledger's releases and of all that was distributed, never from
stored totals; where those differ, the account says so. A distribution counts from its approval on.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from distributions import drift, waterfall
from distributions.models import CapitalCallItem, Distribution, DistributionAllocation, InvestmentTransfer
from distributions.queries import entitlements, histories
from distributions.queries import terms as terms_queries
from distributions.queries.capital_calls import COUNTED
from distributions.queries.entitlements import Basis
from escrow.models import (
    Commitment,
    EscrowAccount,
    Investment,
    JournalEntry,
)
from realco.business_days import BANKING_ZONE
from realco.models import Offering
from realco.money import ZERO, format_money

_WORDS = {
    "contributed": "what was paid in",
    "unreturned_capital": "capital not returned",
    "returned_capital": "capital returned",
    "preferred_paid": "preferred return paid",
    "profits_paid": "profit paid",
}


@dataclass(frozen=True, slots=True)
class CapitalAccount:
    """
    One investor's account in an offering at the end of a day, US dollars.

    ``called`` is what was paid in and what is called and not paid yet; ``returned`` is how much of the
    capital now held was returned; ``net`` is what is still in: capital not returned and preferred
    return owed. ``premium`` is interest of late closings that was paid on, and part of no other figure.
    ``drifts`` say in words where stored totals differ from all this.
    """

    investment_id: UUID
    investor_id: UUID
    investor: str
    committed: Decimal
    called: Decimal
    contributed: Decimal
    returned: Decimal
    preferred_paid: Decimal
    preferred_owed: Decimal
    profit: Decimal
    premium: Decimal = ZERO
    drifts: tuple[str, ...] = ()

    @classmethod
    def of_capital(cls, investor_id: UUID, amount: Decimal) -> "CapitalAccount":
        """Return an account of which nothing is known but what was paid in."""
        return cls(investor_id, investor_id, "", amount, amount, amount, ZERO, ZERO, ZERO, ZERO)

    @property
    def unreturned(self) -> Decimal:
        return self.contributed - self.returned

    @property
    def uncalled(self) -> Decimal:
        return self.committed - self.called

    @property
    def preferred_accrued(self) -> Decimal:
        return self.preferred_paid + self.preferred_owed

    @property
    def net(self) -> Decimal:
        return self.contributed - self.returned + self.preferred_owed


def accounts(offering: Offering, *, on: date, investor_id: UUID | None = None) -> list[CapitalAccount]:
    """
    Return the capital accounts of an offering at the end of a day, in the order of the investors' names.

    :raises NoTerms: if the offering has no waterfall terms on that day
    :raises NotDistributable: if the ledger's figures cannot be replayed
    """
    account = EscrowAccount.objects.filter(offering=offering).first()
    looked_at = Distribution(offering=offering, escrow_account=account, as_of_date=on)
    basis = entitlements.basis_of(looked_at, looking_back=True)
    history = tuple(past for past in basis.history if past.on <= on)
    terms = terms_queries.as_engine(basis.terms)
    try:
        told = waterfall.balances(terms, basis.positions, history, on, transfers=basis.transfers)
    except waterfall.UnworkableFigures as error:
        raise entitlements.NotDistributable(str(error)) from error
    by_key = {balance.key: balance for balance in told}
    paid: dict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    for past in history:
        for line in past.lines:
            preferred, profit = paid[line.key]
            paid[line.key] = (preferred + line.preferred_return, profit + line.profit_split)
    committed, called = _committed(offering, on), _called_not_released(offering, on)
    rows = Investment.objects.filter(offering=offering).exclude(status=Investment.Status.CANCELLED)
    if investor_id is not None:
        rows = rows.filter(investor_id=investor_id)
    investments = list(rows.select_related("investor").order_by("investor__full_name", "pk"))
    drifts = _drifts(basis, investments, on)
    premiums = _premiums(offering, on)
    found = []
    for row in investments:
        key = str(row.pk)
        balance = by_key.get(key)
        contributed = balance.contributed if balance else ZERO
        if row.pk not in committed and balance is None:
            continue
        found.append(
            CapitalAccount(
                investment_id=row.pk,
                investor_id=row.investor_id,
                investor=row.investor.full_name,
                committed=committed.get(row.pk, ZERO),
                called=contributed + called.get(row.pk, ZERO),
                contributed=contributed,
                returned=contributed - balance.unreturned_capital if balance else ZERO,
                preferred_paid=paid[key][0],
                preferred_owed=balance.preferred_owed if balance else ZERO,
                profit=paid[key][1],
                premium=premiums.get(row.pk, ZERO),
                drifts=tuple(drifts.get(key, ())),
            )
        )
    return found


def offerings_of(investor_id: UUID) -> list[Offering]:
    """Return the offerings in which a person has, or had, an investment that was not cancelled."""
    theirs = Investment.objects.filter(investor_id=investor_id).exclude(status=Investment.Status.CANCELLED)
    return list(Offering.objects.filter(pk__in=theirs.values("offering_id")).order_by("name"))


def paid_in(offering: Offering, *, first: date, last: date) -> dict[UUID, Decimal]:
    """Return what each investor's releases made the offering's capital in a period, both days counted."""
    released = entitlements.releases().filter(
        escrow_account__offering=offering, effective_date__gte=first, effective_date__lte=last
    )
    rows = released.values_list("ledger_account__owner_id").annotate(Sum("amount"))
    return {owner: amount for owner, amount in rows if owner is not None}


def returned_by_lines(offering: Offering, *, first: date, last: date) -> dict[UUID, Decimal]:
    """Return the capital that distributions as of a period's days allocated, by investment."""
    rows = (
        DistributionAllocation.objects.filter(
            distribution__offering=offering,
            distribution__status__in=histories.COUNTED,
            distribution__as_of_date__gte=first,
            distribution__as_of_date__lte=last,
        )
        .exclude(status=DistributionAllocation.Status.CANCELLED)
        .order_by()
        .values_list("investment_id")
        .annotate(Sum("return_of_capital"))
    )
    return {key: amount for key, amount in rows if key is not None}


def ownership(offering: Offering) -> dict[UUID, Decimal | None]:
    """Return everybody's share of the offering in percent, as it is now."""
    rows = Investment.objects.filter(offering=offering).exclude(status=Investment.Status.CANCELLED)
    return dict(rows.values_list("investor_id", "ownership_percentage"))


def _premiums(offering: Offering, on: date) -> dict[UUID, Decimal]:
    """Return the interest of late closings that distributions up to a day pay on, by investment."""
    rows = DistributionAllocation.objects.filter(
        distribution__offering=offering,
        distribution__nature=Distribution.Nature.PREMIUM,
        distribution__status__in=histories.COUNTED,
        distribution__as_of_date__lte=on,
    ).exclude(status=DistributionAllocation.Status.CANCELLED)
    found = rows.order_by().values_list("investment_id").annotate(Sum("premium_amount"))
    return {key: amount for key, amount in found if key is not None}


def _end_of(on: date) -> datetime:
    return datetime.combine(on + timedelta(days=1), datetime.min.time(), tzinfo=BANKING_ZONE)


def _committed(offering: Offering, on: date) -> dict[UUID, Decimal]:
    """Return what was committed by the end of a day; a transfer counts from its effective date."""
    rows = Commitment.objects.filter(investment__offering=offering, committed_at__lt=_end_of(on))
    rows = rows.exclude(investment__status=Investment.Status.CANCELLED)
    committed = dict(rows.order_by().values_list("investment_id").annotate(Sum("amount")))
    early = InvestmentTransfer.objects.filter(
        offering=offering,
        status=InvestmentTransfer.Status.EXECUTED,
        effective_date__lte=on,
        executed_at__gte=_end_of(on),
    )
    for transfer in early:
        assert transfer.buyer_investment_id is not None
        for key, amount in (
            (transfer.seller_investment_id, -transfer.committed_amount),
            (transfer.buyer_investment_id, transfer.committed_amount),
        ):
            committed[key] = committed.get(key, ZERO) + amount
    return committed


def _called_not_released(offering: Offering, on: date) -> dict[UUID, Decimal]:
    """Return what was called by a day and had not become the offering's by then, by investment."""
    items = CapitalCallItem.objects.filter(
        call__offering=offering, call__status__in=COUNTED, call__notice_date__lte=on
    ).exclude(status=CapitalCallItem.Status.CANCELLED)
    released = set(
        JournalEntry.objects.filter(
            escrow_account__offering=offering,
            event=JournalEntry.Event.RELEASE,
            reference__startswith="call:",
            effective_date__lte=on,
        ).values_list("reference", flat=True)
    )
    called: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for item in items:
        if item.reference not in released:
            called[item.investment_id] += item.amount
    return called


def _drifts(basis: Basis, investments: Sequence[Investment], on: date) -> dict[str, list[str]]:
    """Hold stored totals against the replay, where the day is not before anything that has happened."""
    if any(past.on > on for past in basis.history) or not investments:
        return {}
    coming = _not_arrived(investments)
    parties = {key for one in basis.transfers for key in (one.seller, one.buyer)}
    stored = []
    for row in investments:
        capital, preferred, profit = coming.get(row.pk, (ZERO, ZERO, ZERO))
        stored.append(
            drift.StoredBalance(
                str(row.pk),
                contributed=row.funded_amount,
                # Of what changed hands, returned capital is of what is held now, and what is on its way is
                # shared by those between whom it changed hands.
                unreturned_capital=None if coming and str(row.pk) in parties else row.current_balance - capital,
                returned_capital=None if str(row.pk) in parties else row.returned_capital + capital,
                preferred_paid=row.preferred_return_paid + preferred,
                profits_paid=row.profits_paid + profit,
            )
        )
    wanted = {str(row.pk) for row in investments}
    terms = terms_queries.as_engine(basis.terms)
    found: dict[str, list[str]] = defaultdict(list)
    for one in drift.drift_of_balances(terms, basis.positions, basis.history, on, stored, transfers=basis.transfers):
        if one.key in wanted:
            found[one.key].append(
                f"{_WORDS.get(one.figure, one.figure)} is stored as {format_money(one.stored)}, "
                f"the history makes it {format_money(one.replayed)}"
            )
    return found


def _not_arrived(investments: Sequence[Investment]) -> dict[UUID, tuple[Decimal, Decimal, Decimal]]:
    """Return what is allocated and has not arrived, so that stored totals do not have it yet."""
    rows = (
        DistributionAllocation.objects.filter(
            investment__in=investments,
            distribution__status__in=histories.COUNTED,
            distribution__nature=Distribution.Nature.WATERFALL,
        )
        .exclude(status__in=[DistributionAllocation.Status.COMPLETED, DistributionAllocation.Status.CANCELLED])
        .order_by()
        .values_list("investment_id")
        .annotate(Sum("return_of_capital"), Sum("preferred_return"), Sum("profit_split"))
    )
    return {key: (capital, preferred, profit) for key, capital, preferred, profit in rows if key is not None}
