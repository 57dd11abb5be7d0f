"""
The clock of refunds: by when money is to be on its way back.

Rule 10b-9 (17 CFR 240.10b-9(a)(1)) wants the money back "promptly" when a raise has not met its
terms by its date, and names no number of days. Five business days, counted from the raise's end for
money that has cleared by then, from its clearing for the rest, is our reading: an ACH credit goes
out in a day, two people sign, and what takes a week has to be explained to somebody. What is
measured is the day on which the bank has the payment; how long the bank then takes is the bank's.
"""

from dataclasses import dataclass
from datetime import date, datetime

from realco.business_days import add_business_days, banking_date, business_days_between

PROMPT_BUSINESS_DAYS = 5


@dataclass(frozen=True, slots=True)
class Clock:
    """How the time stands against a promised day; ``left`` counts business days and is negative when it is over."""

    promised_by: date
    elapsed: int
    left: int

    @property
    def is_overdue(self) -> bool:
        """Whether the promised day is over."""
        return self.left < 0

    @property
    def words(self) -> str:
        """The same for people."""
        if self.is_overdue:
            return f"{_days(-self.left)} overdue"
        return f"{_days(self.left)} left" if self.left else "due today"


def promised_by(since: date) -> date:
    """Return the banking day by which money that became due on a day is to be on its way."""
    return add_business_days(since, PROMPT_BUSINESS_DAYS)


def reading(since: date, promised: date, *, at: datetime) -> Clock:
    """Return how the time stands that began on a day and was promised for another."""
    today = banking_date(at)
    return Clock(promised, business_days_between(since, today), business_days_between(today, promised))


def _days(number: int) -> str:
    return f"{number} business day{'' if number == 1 else 's'}"
