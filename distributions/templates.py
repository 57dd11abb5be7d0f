"""Templates: terms that many offerings have, to begin with and to change."""

from decimal import Decimal

from distributions.terms import Terms
from distributions.tiers import CatchUp, IrrHurdle, PreferredReturn, ReturnOfCapital, Split

_ONE = Decimal(1)


def straight_split(gp_share: Decimal = Decimal("0.20")) -> Terms:
    """Return capital first, then a split of all profit."""
    return Terms((ReturnOfCapital(), _split(gp_share)))


def preferred_and_split(rate: Decimal = Decimal("0.08"), gp_share: Decimal = Decimal("0.20")) -> Terms:
    """Return preferred return, then capital, then a split."""
    return Terms((PreferredReturn(rate=rate), ReturnOfCapital(), _split(gp_share)))


def original_four_tiers() -> Terms:
    """Return the seeded example: capital, 8 % preferred, full catch-up to 30 %, then 70/30."""
    return Terms(
        tiers=(
            ReturnOfCapital(),
            PreferredReturn(rate=Decimal("0.08")),
            CatchUp(gp_rate=Decimal("1"), target=Decimal("0.30")),
            _split(Decimal("0.30")),
        )
    )


def preferred_and_catch_up(
    rate: Decimal = Decimal("0.08"), gp_rate: Decimal = Decimal("0.50"), target: Decimal = Decimal("0.20")
) -> Terms:
    """Return preferred return, then capital, a catch-up to the sponsor's target, and a split by it."""
    return Terms(
        tiers=(
            PreferredReturn(rate=rate),
            ReturnOfCapital(),
            CatchUp(gp_rate=gp_rate, target=target),
            _split(target),
        )
    )


def case_a_terms() -> Terms:
    """Return 8 % preferred, then capital, a 50/50 catch-up to 20 %, then 80/20."""
    return preferred_and_catch_up()


def three_hurdle_promote() -> Terms:
    """Return IRR hurdles of 8, 12 and 18 %, split 100/0, 90/10 and 80/20, then 70/30."""
    return Terms(
        tiers=(
            IrrHurdle(Decimal("0.08")),
            IrrHurdle(Decimal("0.12"), Decimal("0.90"), Decimal("0.10")),
            IrrHurdle(Decimal("0.18"), Decimal("0.80"), Decimal("0.20")),
            _split(Decimal("0.30")),
        )
    )


def _split(gp_share: Decimal) -> Split:
    return Split(lp_share=_ONE - gp_share, gp_share=gp_share)
