"""Aging: business days, not calendar days, and the same on the screen and in the proof."""

from datetime import date, datetime

import pytest

from escrow.models import EscrowAccount
from escrow.operations import reconciliations, statements
from escrow.queries import aging
from realco.business_days import add_business_days, business_days_between
from realco.models import User
from tests.escrow.money import MONDAY, Day, Stated, arrive, statement


class TestBands:
    @pytest.mark.parametrize("as_of", [date(2026, 3, day) for day in (1, 2, 6, 7, 8, 9)])
    def test_begin_where_the_business_days_say(self, as_of: date) -> None:
        for bound, first in zip(aging.BOUNDS, aging.first_days(as_of), strict=True):
            assert business_days_between(first, as_of) <= bound
            assert business_days_between(date.fromordinal(first.toordinal() - 1), as_of) > bound

    def test_count_both_sides(self, escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> None:
        old = add_business_days(MONDAY, -40)
        arrive(escrow, investor, "5.00", reference="SBX-1", at=at, on=old)
        arrive(escrow, investor, "6.00", reference="SBX-2", at=at, on=MONDAY)
        data = statement(escrow.external_account_id, Day(add_business_days(MONDAY, -8), 0, [Stated(700, "X-7")]))
        statements.import_file(data, file_name="a", by=operator, at=at)
        bands = {band.name: (band.lines, band.entries) for band in aging.of_account(escrow, as_of=MONDAY)}
        assert bands == {"0–1": (0, 1), "2–5": (0, 0), "6–30": (1, 0), "over 30": (0, 1)}
        proof = reconciliations.reconcile(escrow, as_of=MONDAY, by=None, at=at)
        assert proof.aging == {"lines": [0, 0, 1, 0], "entries": [1, 0, 0, 1]}
        assert proof.aged_items == 2
        said = "Bank lines and entries without a partner by age in business days: 0 and 1 of 0–1, 1 and 0 of 6–30, "
        assert f"{said}0 and 1 of over 30." in proof.findings
