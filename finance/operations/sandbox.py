"""
The sandbox's time: days pass one by one, and on each of them the bank does its work.

None of this exists in production mode, where time and banks are real.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from finance.gateways import sandbox_bank, sandbox_webhooks
from finance.gateways.sandbox_webhooks import Post
from realco import clock
from realco.business_days import BANKING_ZONE, banking_date

END_OF_BUSINESS = time(17, 0)
MOST_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day: steps at the bank, messages that reached us, rows that our sweeps moved on."""

    day: date
    bank_steps: int
    delivered: int
    moved: int


def advance(
    days: int, *, post: Post, sweep: Callable[[], int] | None = None, now: Callable[[], datetime] = clock.now
) -> Iterator[Day]:
    """
    Do what is due today, then let days pass, and tell what happened on each of them.

    Each ends at five in the afternoon in New York; the bank does what is due and tells us of it
    through ``post``. ``sweep`` is our own work, done again and again until nothing moves any more.

    :raises NoSandbox: in production mode, or for a negative number of days
    """
    if days < 0:
        raise clock.NoSandbox("The sandbox clock only moves forward.")
    yield work(post=post, sweep=sweep, now=now)
    for _ in range(days):
        at = now()
        clock.advance(end_of_business(banking_date(at) + timedelta(days=1)) - at)
        yield work(post=post, sweep=sweep, now=now)


def work(*, post: Post, sweep: Callable[[], int] | None = None, now: Callable[[], datetime] = clock.now) -> Day:
    """
    Let the bank work, and ourselves, until a round has moved nothing.

    :raises NoSandbox: in production mode
    """
    bank_steps = delivered = moved = 0
    for _ in range(MOST_ROUNDS):
        stepped = sandbox_bank.work(at=now())
        arrived = sandbox_webhooks.deliver(post=post, at=now())
        swept = sweep() if sweep is not None else 0
        bank_steps, delivered, moved = bank_steps + stepped, delivered + arrived, moved + swept
        if not (stepped or arrived or swept):
            break
    return Day(banking_date(now()), bank_steps, delivered, moved)


def end_of_business(day: date) -> datetime:
    """Return five in the afternoon of a day in New York, as UTC."""
    return datetime.combine(day, END_OF_BUSINESS, tzinfo=BANKING_ZONE).astimezone(UTC)
