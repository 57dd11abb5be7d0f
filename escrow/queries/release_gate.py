"""What stands against a closing: the very sentences by which the database would refuse it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from compliance.queries import standing
from escrow.models import Closing, EscrowAccount
from escrow.windows import Window, window_of
from realco import money

SIGNATURES = "signatures"
FIGURES = frozenset({"cleared", "committed"})
"""Obstacles that only say that the figures have changed since they were proposed."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands against a release: a code, a sentence, and the investor it is about, if any."""

    code: str
    obstacle: str
    investor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """
    What a closing would release now, and to whose money it would not come.

    ``figures`` are US dollars by investor id, in order; ``left_out`` says of each investor with cleared,
    committed money who may not be included what stands against them; ``obstacles`` is what stands
    against releasing the figures.
    """

    figures: Mapping[UUID, Decimal]
    left_out: Mapping[UUID, tuple[str, ...]]
    obstacles: tuple[Obstacle, ...]


def release_of(account: EscrowAccount, *, at: datetime, will_screen: bool = False) -> Release:
    """
    Work out what a closing proposed at a moment would release, whom it leaves out, and what stands against it.

    With ``will_screen`` nobody is left out only because they have to be screened again, as they are first
    when a closing is proposed or signed.
    """
    found = releasable(account.pk, at=at)
    left_out: dict[UUID, tuple[str, ...]] = {}
    unscreened = set(standing.unscreened(found.keys(), at=at)) if will_screen else set()
    for one in standing.obstacles(found.keys(), at=at):
        if one.person_id not in unscreened:
            left_out[one.person_id] = (*left_out.get(one.person_id, ()), one.obstacle)
    figures = {investor_id: amount for investor_id, amount in found.items() if investor_id not in left_out}
    against = obstacles_to(account.pk, figures, at=at)
    return Release(figures, left_out, tuple(one for one in against if one.investor_id not in unscreened))


def releasable(account_id: UUID, *, at: datetime) -> dict[UUID, Decimal]:
    """
    Return each investor's cleared money as far as it is committed in time and not released, by id in order.

    Whether we may deal with them is not asked here.
    """
    return dict(_rows("SELECT investor, amount FROM escrow_releasable(%s, %s)", account_id, at))


def obstacles_to(account_id: UUID, figures: Mapping[UUID, Decimal], *, at: datetime) -> tuple[Obstacle, ...]:
    """Return what stands against releasing figures at a moment."""
    document = json.dumps({str(key): money.to_json(amount) for key, amount in figures.items()})
    sql = "SELECT code, obstacle, investor FROM escrow_release_obstacles(%s, %s::jsonb, %s)"
    return tuple(Obstacle(*row) for row in _rows(sql, account_id, document, at))


def obstacles(closing: Closing, *, at: datetime) -> tuple[Obstacle, ...]:
    """Return what stands against executing a closing at a moment, missing signatures included."""
    sql = "SELECT code, obstacle, investor FROM escrow_closing_obstacles(%s, %s)"
    return tuple(Obstacle(*row) for row in _rows(sql, closing.pk, at))


def window(account: EscrowAccount) -> Window:
    """Return the times of an account's offering, with the early closings that were announced and not withdrawn."""
    offering = account.offering
    closings = account.early_closing_notices.filter(withdrawn_at=None).values_list("closes_at", flat=True)
    return window_of(
        offering.exemption, offering.opened_at or offering.created_at, offering.deadline_at, list(closings)
    )


def _rows(sql: str, *parameters: UUID | datetime | str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
