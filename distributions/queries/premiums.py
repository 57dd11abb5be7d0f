"""
Premiums of late closings that are paid on: which have arrived, whose they are, and what that keeps promised.

A premium arrives as income of the offering, with the capital it is paid on. From then on it is owed to those whom
the earlier calls called on, and no other distribution can have it. A distribution of its own pays it to them, outside
of the waterfall: it is neither capital nor return, and no history is told with it.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from distributions import cents, premiums
from distributions.models import CapitalCall, CapitalCallItem, Distribution, DistributionAllocation, PremiumPaidOn
from distributions.premiums import Part, Premium, Shared
from distributions.queries import capital_calls, premium_words
from distributions.queries.capital_calls import LateShare
from distributions.queries.histories import COUNTED, before
from escrow.models import LedgerAccount
from escrow.queries.balances import balance
from realco import copying
from realco.errors import Refusal
from realco.identifiers import new_id
from realco.money import ZERO, format_money, to_json

Item = CapitalCallItem.Status
MOST_PARTS = 200
"""So many parts of premiums a distribution has at most: a receipt tells each of them."""


class NothingToPayOn(Refusal):
    """No premium of the late closing has arrived that was not paid on before."""


@dataclass(frozen=True, slots=True)
class Payable:
    """The premiums of a late closing that can be paid on now, and what keeps each of the others."""

    items: tuple[CapitalCallItem, ...]
    others: tuple[tuple[CapitalCallItem, str], ...]

    @property
    def total(self) -> Decimal:
        """All that can be paid on, US dollars."""
        return sum((item.premium_amount for item in self.items), ZERO)


@dataclass(frozen=True, slots=True)
class Sharing:
    """The premiums of a distribution shared out, and investment and investor by key."""

    shared: Shared
    payees: dict[str, tuple[UUID, UUID]]
    basis: dict[str, str]


def payable(call: CapitalCall) -> Payable:
    """Return which premiums of a late closing can be paid on; a handful of queries."""
    rows = call.items.filter(premium_amount__gt=0).exclude(status=Item.CANCELLED)
    items = list(rows.select_related("investment", "investor", "call").order_by("created_at", "id"))
    shares = capital_calls.equalised(call, items) if call.kind == CapitalCall.Kind.LATE_CLOSING else {}
    taken = {
        one.item_id: one.distribution
        for one in PremiumPaidOn.objects.filter(item__in=items, freed_at__isnull=True).select_related("distribution")
    }
    gone = _gone_back(call.offering_id, [item.investor_id for item in items])
    chosen: list[CapitalCallItem] = []
    others, parts = [], 0
    for item in items:
        owed = [share for share in shares.get(item.pk, []) if share.premium]
        open_calls = {str(share.call) for share in owed if any(one.status == Item.OPEN for one in share.items)}
        why = ""
        if item.pk in taken:
            why = f"It is in {taken[item.pk]}."
        elif item.status != Item.PAID:
            why = "It has not been paid."
        elif item.investor_id in gone:
            why = "A bank has taken the money back, and it is owed again."
        elif open_calls:
            why = f"{', '.join(sorted(open_calls))} is not paid in full. Wait, or excuse those who will not pay."
        elif not owed:
            why = "Nobody paid the earlier calls, so it is owed to nobody."
        elif parts + len(owed) > MOST_PARTS and chosen:
            why = "It is paid on with the next distribution; one has room for so many only."
        if why:
            others.append((item, why))
        else:
            chosen.append(item)
            parts += len(owed)
    return Payable(tuple(chosen), tuple(others))


def owed(escrow_account_id: UUID, *, excluding: UUID | None = None) -> Decimal:
    """
    Return the premiums that have arrived and no approved distribution pays on yet, US dollars.

    They are promised to those to whom they are owed, but for those that arrived before premiums were paid on. One
    distribution may be left out: it may have its own.
    """
    rows = PremiumPaidOn.objects.filter(item=OuterRef("pk"), freed_at__isnull=True)
    promised = rows.filter(Q(distribution__status__in=COUNTED) | Q(distribution=excluding))
    arrived = CapitalCallItem.objects.filter(
        call__offering__escrow_account=escrow_account_id,
        call__kind=CapitalCall.Kind.LATE_CLOSING,
        status=Item.PAID,
        premium_amount__gt=0,
        keeps_premium=True,
    )
    total: Decimal = arrived.exclude(Exists(promised)).aggregate(total=Sum("premium_amount", default=ZERO))["total"]
    return total


def sharing(distribution: Distribution) -> Sharing:
    """Share the premiums of a distribution out, as things stand now."""
    items = [one.item for one in _rows([distribution])]
    told, payees = _told(items)
    earlier = _earlier(distribution)
    shared = premiums.share_out(told, _behind(earlier))
    basis = {
        "offering_balance": to_json(balance(distribution.escrow_account_id, LedgerAccount.Kind.OFFERING)),
        "premiums": _digest([[str(item.pk), to_json(item.premium_amount)] for item in items], told),
        "history": _digest([str(one.pk) for one in earlier], []),
        "history_numbers": ", ".join(str(one) for one in earlier),
    }
    return Sharing(shared, payees, basis)


def allocations(distribution: Distribution, found: Sharing) -> Iterator[DistributionAllocation]:
    """Give what each payee gets, not saved, in the order of their investments; nobody who gets nothing."""
    pattern = copying.Pattern(DistributionAllocation(distribution=distribution))
    for key, total in zip(found.shared.keys, found.shared.totals(), strict=True):
        if total:
            investment_id, investor_id = found.payees[key]
            amount = cents.to_decimal(total)
            yield pattern.row(
                id=new_id(),
                investor_id=investor_id,
                investment_id=investment_id,
                premium_amount=amount,
                total_amount=amount,
                net_amount=amount,
                explanation=premium_words.explain(found.shared, key, on=distribution.as_of_date),
            )


def changes_since(distribution: Distribution) -> list[str]:
    """Return in words what premiums rested on and is otherwise now; empty if nothing is."""
    then = distribution.metadata.get("basis", {})
    rows = _rows([distribution])
    gone = _gone_back(distribution.offering_id, [one.item.investor_id for one in rows])
    changes = [
        f"{format_money(one.amount)} of premium has been taken back by a bank"
        for one in rows
        if one.item.investor_id in gone
    ]
    basis = sharing(distribution).basis
    if basis["premiums"] != then.get("premiums"):
        changes.append("the earlier calls, by which premiums are shared, have changed")
    if basis["history"] != then.get("history"):
        changes.append(
            f"other premiums have been paid on or cancelled (now counted: {basis['history_numbers'] or 'none'})"
        )
    return changes


def paid_on(items: Iterable[CapitalCallItem]) -> dict[UUID, Distribution]:
    """Return the distribution that each of some premiums is in, by item."""
    rows = PremiumPaidOn.objects.filter(item__in=list(items), freed_at__isnull=True)
    return {one.item_id: one.distribution for one in rows.select_related("distribution")}


def signed(distribution: Distribution) -> list[list[str]]:
    """Return the premiums of a distribution as they are part of what approvers sign."""
    return [[str(one.item_id), to_json(one.amount)] for one in _rows([distribution])]


def _rows(distributions: Sequence[Distribution]) -> QuerySet[PremiumPaidOn]:
    rows = PremiumPaidOn.objects.filter(distribution__in=distributions, freed_at__isnull=True)
    return rows.select_related("item__call", "item__investment").order_by("item__created_at", "item_id")


def _told(items: Sequence[CapitalCallItem]) -> tuple[list[Premium], dict[str, tuple[UUID, UUID]]]:
    """Return the premiums of some items as they are shared out, in their order, and the payees by key."""
    by_call: dict[UUID, list[CapitalCallItem]] = defaultdict(list)
    for item in items:
        by_call[item.call_id].append(item)
    shares: dict[UUID, list[LateShare]] = {}
    for of_call in by_call.values():
        shares |= capital_calls.equalised(of_call[0].call, of_call)
    told, payees = [], {}
    for item in items:
        counted = [share for share in shares[item.pk] if share.premium]
        told.append(_premium(item, counted))
        for share in counted:
            payees.update({str(one.investment_id): (one.investment_id, one.investor_id) for one in share.items})
    return told, payees


def _premium(item: CapitalCallItem, shares: Sequence[LateShare]) -> Premium:
    read = cents.from_decimal
    arrived = read(item.premium_amount)
    interests = [read(share.premium) for share in shares]
    parts = [
        Part(
            earlier_call=str(share.call),
            share=read(share.capital),
            rate=item.call.premium_rate,
            start=share.call.due_date,
            end=item.call.due_date,
            day_count=item.call.day_count,
            interest=interest,
            amount=amount,
            called={str(one.investment_id): read(one.amount) for one in share.items},
        )
        for share, interest, amount in zip(shares, interests, premiums.amounts_of(arrived, interests), strict=True)
    ]
    return Premium(str(item.call), arrived, tuple(parts))


def _earlier(distribution: Distribution) -> list[Distribution]:
    """Return the offering's other distributions that pay premiums on and count, in the order of their approval."""
    others = before(distribution).filter(nature=Distribution.Nature.PREMIUM)
    return list(others.order_by("approved_at", "id"))


def _behind(earlier: Sequence[Distribution]) -> dict[str, int]:
    """Return by how much everybody is short of what was theirs of premiums paid on before."""
    if not earlier:
        return {}
    told, _ = _told([one.item for one in _rows(earlier)])
    lines = DistributionAllocation.objects.filter(distribution__in=earlier)
    lines = lines.exclude(status=DistributionAllocation.Status.CANCELLED, written_off_at__isnull=True)
    paid = lines.order_by().values_list("investment_id").annotate(Sum("premium_amount"))
    return premiums.shortfalls(told, {str(key): cents.from_decimal(amount) for key, amount in paid})


def _gone_back(offering_id: UUID, investor_ids: Sequence[UUID]) -> set[UUID]:
    """Return who of some people owes an offering money that a bank took back after it had been released."""
    rows = LedgerAccount.objects.filter(
        escrow_account__offering=offering_id,
        kind=LedgerAccount.Kind.RECEIVABLE,
        owner__in=investor_ids,
        balance__gt=0,
    )
    return {owner for owner in rows.values_list("owner_id", flat=True) if owner is not None}


def _digest(content: Sequence[object], told: Sequence[Premium]) -> str:
    parts = [
        [one.late_call, part.earlier_call, part.share, str(part.rate), str(part.start), str(part.end), part.day_count,
         part.amount, sorted(part.called.items())]
        for one in told
        for part in one.parts
    ]  # fmt: skip
    return hashlib.sha256(json.dumps([content, parts], separators=(",", ":")).encode()).hexdigest()
