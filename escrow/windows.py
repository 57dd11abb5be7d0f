"""
When investors may still cancel, and when their money may be released: the arithmetic of 17 CFR 227.304.

Under Regulation CF a commitment may be cancelled until 48 hours before the deadline. An offering may
close early if it was open for 21 days and the new closing time was announced five business days
ahead; what was committed up to that time may be cancelled until 48 hours before it, and is released
from it on. Under Regulation D nothing but the release itself ends the window. Hours are hours, whatever
the clocks of New York do; business days are the Federal Reserve's, there.

The database reckons the same (escrow/migrations/0012_release_gate.sql); a test holds the two together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from realco.business_days import BANKING_ZONE, add_business_days
from realco.models.offerings import Exemption

LAST_HOURS = timedelta(hours=48)
OPEN_AT_LEAST = timedelta(hours=21 * 24)
NOTICE_DAYS = 5


@dataclass(frozen=True, slots=True)
class Window:
    """An offering's times: its exemption, opening and deadline, and the early closings that were announced."""

    exemption: str
    opened_at: datetime
    deadline_at: datetime
    early_closings: tuple[datetime, ...] = ()

    @property
    def is_regulated(self) -> bool:
        """Whether Regulation CF says when a commitment stands."""
        return self.exemption == Exemption.REG_CF

    def closes(self, committed_at: datetime) -> datetime:
        """Return when a commitment is closed over: at the first early closing that takes it, else at the deadline."""
        return min((at for at in self.early_closings if committed_at <= at), default=self.deadline_at)

    def cancellable_until(self, committed_at: datetime) -> datetime | None:
        """Return when the right to cancel a commitment ends; None if only its release ends it."""
        return self.closes(committed_at) - LAST_HOURS if self.is_regulated else None

    def is_cancellable(self, committed_at: datetime, at: datetime) -> bool:
        """Say whether a commitment may be cancelled at a moment; the end of the window is outside it."""
        until = self.cancellable_until(committed_at)
        return until is None or at < until

    def takes_commitments_until(self, at: datetime) -> datetime | None:
        """
        Return up to when a commitment counts for a release at a moment, or None while none may be released.

        From 48 hours before the deadline everything counts, and always outside Regulation CF.
        """
        if not self.is_regulated or at >= self.deadline_at - LAST_HOURS:
            return at
        return max((closing for closing in self.early_closings if closing <= at), default=None)


def earliest_early_closing(opened_at: datetime, notice_at: datetime) -> datetime:
    """
    Return the first moment for which an early closing may be announced at ``notice_at``.

    Five whole business days lie between: announced on a Monday at ten, it is the next Monday at ten.
    """
    local = notice_at.astimezone(BANKING_ZONE)
    announced = datetime.combine(add_business_days(local.date(), NOTICE_DAYS), local.time(), BANKING_ZONE)
    return max(announced.astimezone(notice_at.tzinfo), opened_at + OPEN_AT_LEAST)


def window_of(exemption: str, opened_at: datetime, deadline_at: datetime, closings: Iterable[datetime]) -> Window:
    """Build a window from what rows say."""
    return Window(exemption, opened_at, deadline_at, tuple(sorted(closings)))
