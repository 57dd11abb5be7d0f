"""Figures on pages: one way to write each, on the portal and on staff screens."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from finance.models import BankAccount
from realco.templatetags import figures


class TestFilters:
    def test_write_money_and_its_absence(self) -> None:
        assert figures.money(Decimal("1234.50")) == "$1,234.50"
        assert figures.money(None) == "–"

    def test_write_a_sign_before_money(self) -> None:
        assert figures.signed_money(Decimal("5.00")) == "+$5.00"
        assert figures.signed_money(Decimal("-5.00")) == "−$5.00"
        assert figures.signed_money(Decimal("0.00")) == "$0.00"

    @pytest.mark.parametrize(("rate", "words"), [("0.080000", "8%"), ("0.0825", "8.25%"), ("1", "100%"), ("0", "0%")])
    def test_write_a_rate_without_needless_zeros(self, rate: str, words: str) -> None:
        assert figures.percent(Decimal(rate)) == words

    def test_write_days_and_moments(self) -> None:
        assert figures.day(date(2026, 3, 5)) == "Mar 5, 2026"
        assert figures.day_and_time(datetime(2026, 3, 5, 9, 7, tzinfo=UTC)) == "Mar 5, 2026, 09:07"
        assert figures.day(None) == figures.day_and_time(None) == "–"

    def test_show_a_status_in_words_with_its_value_for_the_style_sheet(self) -> None:
        shown = figures.badge(BankAccount(status="PENDING_VERIFICATION"))

        assert shown == '<span class="badge" data-status="PENDING_VERIFICATION">Pending verification</span>'
