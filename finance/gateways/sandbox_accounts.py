"""
How the sandbox bank treats a counterparty's account: by its number, and by nothing else.

The numbers are Stripe's published test numbers and a family of our own, ``0009 000k 00NN``, in
which NN is the code of an ACH return and k says when it comes. Every other number simply works.
``docs/sandbox.md`` is the table for people.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum

from finance.gateways.interface import TECHNICAL_FAILURE

ROUTING_NUMBER = "110000000"


class Moment(Enum):
    """When a transfer goes wrong."""

    NEVER = "never"
    BEFORE_SETTLEMENT = "before settlement"
    FIRST_ATTEMPT = "before settlement, but only the first attempt"
    AFTER_SETTLEMENT = "a business day or two after settlement, while it can still be returned"
    LATE = "61 days after settlement"
    AT_ONCE = "the bank refuses it"
    AT_ONCE_FIRST_ATTEMPT = "the bank refuses the first attempt"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    What happens to transfers with an account.

    ``copies`` is how often each webhook is sent; ``reversed_order`` sends the return before the
    settlement; ``answer_lost`` takes the transfer on and does not answer, ``request_lost`` does not
    hear the first request; ``never_settles`` leaves it in processing.
    """

    moment: Moment = Moment.NEVER
    code: str = ""
    copies: int = 1
    reversed_order: bool = False
    answer_lost: bool = False
    request_lost: bool = False
    never_settles: bool = False

    def fails_before_settlement(self, attempt: int) -> bool:
        """Whether this attempt comes back instead of settling."""
        return self.moment is Moment.BEFORE_SETTLEMENT or (self.moment is Moment.FIRST_ATTEMPT and attempt == 0)

    def is_refused(self, attempt: int) -> bool:
        """Whether the bank does not take this attempt on."""
        return self.moment is Moment.AT_ONCE or (self.moment is Moment.AT_ONCE_FIRST_ATTEMPT and attempt == 0)

    @property
    def is_returned(self) -> bool:
        """Whether it is returned after it has settled."""
        return self.moment in (Moment.AFTER_SETTLEMENT, Moment.LATE)


SUCCEEDS = Behaviour()
KNOWN: dict[str, Behaviour] = {
    "000123456789": SUCCEEDS,
    "000111111113": Behaviour(Moment.BEFORE_SETTLEMENT, "R02"),
    "000111111116": Behaviour(Moment.BEFORE_SETTLEMENT, "R03"),
    "000222222227": Behaviour(Moment.BEFORE_SETTLEMENT, "R01"),
    "000333333335": Behaviour(Moment.BEFORE_SETTLEMENT, "R10"),
    "000555555559": Behaviour(Moment.AFTER_SETTLEMENT, "R10"),
    "000000000009": Behaviour(never_settles=True),
    "000900090001": Behaviour(copies=3),
    "000900090002": Behaviour(Moment.AFTER_SETTLEMENT, "R10", reversed_order=True),
    "000900090003": Behaviour(answer_lost=True),
    "000900090004": Behaviour(request_lost=True),
    "000900090005": Behaviour(Moment.AT_ONCE_FIRST_ATTEMPT, TECHNICAL_FAILURE),
    "000900090006": Behaviour(Moment.AT_ONCE, TECHNICAL_FAILURE),
    "000900090007": Behaviour(Moment.AT_ONCE, "TRANSFER_REFUSED"),
    "000900090008": Behaviour(Moment.FIRST_ATTEMPT, "R01", copies=2),
}
DEBIT_ONLY = frozenset({"R01", "R05", "R07", "R08", "R09", "R10", "R11", "R29", "R51"})
"""A lack of funds or of authorisation returns debits only; a credit to the same account arrives."""
_FAMILY = re.compile(r"0009000(?P<moment>[0-4])00(?P<code>[0-9]{2})")
_MOMENTS = {
    "0": Moment.BEFORE_SETTLEMENT,
    "1": Moment.FIRST_ATTEMPT,
    "2": Moment.AFTER_SETTLEMENT,
    "3": Moment.LATE,
    "4": Moment.AT_ONCE,
}


def behaviour(account_number: str, *, is_debit: bool = True) -> Behaviour:
    """Return how the bank treats transfers with an account; unknown numbers simply work."""
    found = _of_number(account_number)
    if not is_debit and found.code in DEBIT_ONLY:
        return replace(found, moment=Moment.NEVER, code="")
    return found


def _of_number(account_number: str) -> Behaviour:
    known = KNOWN.get(account_number)
    if known is not None:
        return known
    found = _FAMILY.fullmatch(account_number)
    if found is None or found["code"] == "00":
        return SUCCEEDS
    return Behaviour(_MOMENTS[found["moment"]], f"R{found['code']}")
