"""What tests of the release gate begin with: a raise under Regulation CF or D, its people, and closings of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from escrow.models import Closing, EarlyClosingNotice, EscrowAccount
from escrow.operations import closings, early_closings, investments
from realco.models import Offering, User
from tests import factories
from tests.escrow.money import arrive

LAST_HOURS = timedelta(hours=48)
MINUTE = timedelta(minutes=1)


@dataclass
class Raise:
    """A raise with a minimum of 1,000 and a maximum of 5,000 dollars, open for ninety days."""

    escrow: EscrowAccount
    operator: User
    approver: User
    second_approver: User
    opened_at: datetime

    @property
    def offering(self) -> Offering:
        return self.escrow.offering

    @property
    def last_hours(self) -> datetime:
        """When investors may no longer cancel, and their money may be released."""
        return self.offering.deadline_at - LAST_HOURS

    def commit(self, investor: User, amount: str, *, at: datetime | None = None) -> None:
        investments.commit(
            self.offering, investor=investor, amount=Decimal(amount), by=investor, at=at or self.opened_at
        )

    def invest(self, name: str, committed: str, cleared: str, *, at: datetime | None = None) -> User:
        """Somebody who has committed an amount, and of whom another amount has cleared."""
        person = factories.make_user(name)
        factories.make_profile(person, self.opened_at)
        self.commit(person, committed, at=at)
        arrive(self.escrow, person, cleared, reference=f"SBX-{name}", at=at or self.opened_at)
        return person

    def propose(self, *, at: datetime) -> Closing:
        return closings.propose(self.escrow, by=self.operator, at=at)

    def sign(self, closing: Closing, approver: User, *, at: datetime) -> Closing:
        return closings.approve(closing, approver=approver, content_hash=closing.content_hash, at=at)

    def close(self, *, at: datetime) -> Closing:
        """Propose, and have two people sign."""
        signed = self.sign(self.propose(at=at), self.approver, at=at)
        return self.sign(signed, self.second_approver, at=at)

    def announce(self, *, closes_at: datetime, at: datetime) -> EarlyClosingNotice:
        return early_closings.announce(self.escrow, closes_at=closes_at, by=self.operator, at=at)


def open_raise(
    operator: User, approver: User, second_approver: User, *, at: datetime, exemption: str = Offering.Exemption.REG_CF
) -> Raise:
    """Open a raise of its own offering and escrow account."""
    offering = factories.make_offering(operator=operator, at=at, exemption=exemption, maximum_amount=Decimal("5000.00"))
    escrow = factories.make_escrow(offering, operator=operator, at=at)
    return Raise(escrow, operator, approver, second_approver, at)
