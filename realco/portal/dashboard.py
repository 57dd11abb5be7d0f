"""The overview: what an investor owns, how it came about, and what needs doing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from compliance.models import InvestorProfile
from distributions.queries import capital_calls, investor_distributions
from escrow.queries import investor_balances
from escrow.queries.investor_balances import DayOfChanges
from finance.models import BankAccount
from finance.queries import investor_transactions
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from realco.money import format_money
from realco.portal import charts, refunds
from realco.portal.access import signed_in

RECENT = 5
TABLE_ROWS = 24
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Holding:
    """What the investor had on a day, at its end."""

    day: date
    in_escrow: Decimal
    at_work: Decimal

    @property
    def total(self) -> Decimal:
        """Both together."""
        return self.in_escrow + self.at_work


@signed_in
@require_safe
def dashboard(request: HttpRequest, investor: User) -> HttpResponse:
    """Show the signed-in person's balances, their history, their investments and latest payments."""
    today = banking_date(clock.now())
    history = holdings(
        investor_balances.changes(investor), investor_distributions.capital_returned(investor), until=today
    )
    context = {
        "section": "dashboard",
        "balances": investor_balances.balances(investor),
        "received": investor_distributions.received(investor),
        "calls": capital_calls.unpaid(investor, on=today),
        "charts": drawings(history),
        "history": list(reversed(history))[:TABLE_ROWS],
        "investments": investor_balances.investments(investor),
        "payments": investor_transactions.of(investor).order_by("-created_at", "-id")[:RECENT],
        "refunds": refunds.of(investor)[:RECENT],
        "profile": InvestorProfile.objects.filter(user=investor).first(),
        "has_usable_account": BankAccount.objects.filter(user=investor, status=BankAccount.Status.VERIFIED).exists(),
    }
    return render(request, "portal/dashboard.html", context)


def holdings(
    changes: Sequence[DayOfChanges], returned: Sequence[tuple[date, Decimal]], *, until: date
) -> list[Holding]:
    """
    Add daily changes up to what was held on each day, ending with ``until``.

    Capital that a distribution returned leaves what is at work. Without any change there is no history.
    """
    in_escrow: dict[date, Decimal] = defaultdict(Decimal)
    at_work: dict[date, Decimal] = defaultdict(Decimal)
    for change in changes:
        in_escrow[change.day] += change.in_escrow
        at_work[change.day] += change.at_work
    for day, amount in returned:
        at_work[day] -= amount
    days = sorted({*in_escrow, *at_work})
    history: list[Holding] = []
    escrowed, working = ZERO, ZERO
    for day in days:
        escrowed += in_escrow[day]
        working += at_work[day]
        history.append(Holding(day, escrowed, working))
    if history and history[-1].day < until:
        history.append(Holding(until, escrowed, working))
    return history


def drawings(history: Sequence[Holding]) -> list[SafeString]:
    """Draw the history for three widths of page; the style sheet shows one of them."""
    if len(history) < 2:
        return []
    first, last = history[0], history[-1]
    days = [holding.day for holding in history]
    series = [
        charts.Series("At work in offerings", [max(holding.at_work, ZERO) for holding in history]),
        charts.Series("In escrow", [max(holding.in_escrow, ZERO) for holding in history]),
    ]
    description = (
        f"From {format_money(first.total)} on {first.day:%B} {first.day.day}, {first.day.year} to "
        f"{format_money(last.total)} on {last.day:%B} {last.day.day}, {last.day.year}: "
        f"{format_money(last.at_work)} at work in offerings and {format_money(last.in_escrow)} in escrow. "
        "The table below the chart has every change."
    )
    return [
        charts.stacked_steps(days, series, size=size, key=key, title="Your money over time", description=description)
        for key, size in (("wide", charts.WIDE), ("medium", charts.MEDIUM), ("narrow", charts.NARROW))
    ]
