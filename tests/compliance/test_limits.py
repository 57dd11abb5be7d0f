"""Limits are dated rows; which of them hold depends on the payment and on the investor."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from compliance.models import TransactionLimit
from compliance.models.transaction_limits import LimitType
from compliance.operations import limits as operations
from compliance.operations.gate import Totals, TransactionLimitExceeded, require_within_limits
from compliance.queries import limits
from realco.models import User
from tests.compliance.conftest import a_deposit, profile_of

DAY = date(2026, 3, 3)


def add(limit_type: str, amount: str, since: date, until: date | None = None) -> TransactionLimit:
    return TransactionLimit.objects.create(
        limit_type=limit_type, amount=Decimal(amount), effective_from=since, effective_to=until
    )


@pytest.mark.django_db
class TestInForce:
    def test_begins_on_its_day_and_ends_before_the_other(self) -> None:
        add("DAILY_DEPOSIT", "10.00", date(2026, 3, 1), date(2026, 3, 5))
        found = {day: limits.in_force(date(2026, 3, day)).get(LimitType.DAILY_DEPOSIT) for day in (1, 4, 5)}
        assert found == {1: Decimal("10.00"), 4: Decimal("10.00"), 5: None}
        assert limits.in_force(date(2026, 2, 28)) == {}

    def test_of_two_rows_takes_the_one_that_began_later(self) -> None:
        add("DAILY_DEPOSIT", "10.00", date(2026, 1, 1))
        add("DAILY_DEPOSIT", "20.00", date(2026, 3, 1))
        assert limits.in_force(date(2026, 2, 1))[LimitType.DAILY_DEPOSIT] == Decimal("10.00")
        assert limits.in_force(DAY)[LimitType.DAILY_DEPOSIT] == Decimal("20.00")

    def test_is_one_query(self, django_assert_num_queries: object) -> None:
        operations.seed(DAY)
        with django_assert_num_queries(1):  # type: ignore[operator]
            assert len(limits.in_force(DAY)) == 6


@pytest.mark.django_db
class TestSeed:
    def test_gives_the_figures_of_the_platform(self) -> None:
        operations.seed(DAY)
        assert {str(key): str(amount) for key, amount in limits.in_force(DAY).items()} == {
            "DAILY_DEPOSIT": "50000.00",
            "MONTHLY_DEPOSIT": "500000.00",
            "PER_TRANSACTION": "250000.00",
            "ANNUAL_INVESTMENT": "124000.00",
            "NON_ACCREDITED_INVESTOR": "2500.00",
            "ACCREDITED_INVESTOR": "100000000.00",
        }

    def test_twice_adds_nothing(self) -> None:
        operations.seed(DAY)
        assert operations.seed(date(2026, 3, 4)) == []
        assert TransactionLimit.objects.count() == 6

    def test_leaves_a_limit_somebody_has_changed(self) -> None:
        add("DAILY_DEPOSIT", "75000.00", date(2026, 1, 1))
        operations.seed(DAY)
        assert limits.in_force(DAY)[LimitType.DAILY_DEPOSIT] == Decimal("75000.00")

    def test_reaches_back_to_a_day_before_its_first(self) -> None:
        operations.seed(date(2020, 5, 1))
        assert len(limits.in_force(date(2020, 5, 1))) == 6


class TestRequireWithinLimits:
    @pytest.mark.parametrize(
        ("amount", "today", "month", "refused_by"),
        [
            ("50000.00", "0.00", "0.00", ""),
            ("50000.01", "0.00", "0.00", "DAILY_DEPOSIT"),
            ("0.01", "50000.00", "50000.00", "DAILY_DEPOSIT"),
            ("20000.00", "30000.00", "480000.00", ""),
            ("20000.01", "0.00", "480000.00", "MONTHLY_DEPOSIT"),
            ("250000.01", "0.00", "0.00", "PER_TRANSACTION"),
        ],
    )
    def test_counts_what_was_paid_in_before(
        self, person: User, amount: str, today: str, month: str, refused_by: str
    ) -> None:
        totals = Totals(deposited_today=Decimal(today), deposited_this_month=Decimal(month))
        facts = a_deposit(amount, totals=totals)
        if not refused_by:
            require_within_limits(facts, profile_of(person), on=DAY)
            return
        with pytest.raises(TransactionLimitExceeded) as refusal:
            require_within_limits(facts, profile_of(person), on=DAY)
        assert refusal.value.details["limit_type"] == refused_by
        assert refusal.value.code == "TRANSACTION_LIMIT_EXCEEDED"

    def test_says_what_is_left(self, person: User) -> None:
        facts = a_deposit("20000.00", totals=Totals(deposited_today=Decimal("40000.00")))
        with pytest.raises(TransactionLimitExceeded) as refusal:
            require_within_limits(facts, profile_of(person), on=DAY)
        assert str(refusal.value) == (
            "$20,000.00 is over your daily deposit limit of $50,000.00, of which $40,000.00 is used; "
            "you can pay in up to $10,000.00."
        )
        assert refusal.value.details == {
            "limit_type": "DAILY_DEPOSIT",
            "limit": "50000.00",
            "used": "40000.00",
            "asked": "20000.00",
        }

    def test_holds_accredited_investors_to_the_limit_per_transaction_only(self, investor: User, seeded: None) -> None:
        spent = Totals(
            deposited_today=Decimal("900000.00"),
            deposited_this_month=Decimal("9000000.00"),
            invested_12_months=Decimal("1000000.00"),
        )
        require_within_limits(a_deposit("250000.00", exemption="REG_CF", totals=spent), profile_of(investor), on=DAY)
        with pytest.raises(TransactionLimitExceeded):
            require_within_limits(a_deposit("250000.01"), profile_of(investor), on=DAY)

    def test_limits_crowdfunding_by_the_formula(self, person: User) -> None:
        profile = profile_of(person)
        profile.annual_income, profile.net_worth = Decimal("50000.00"), Decimal("60000.00")
        used = Totals(invested_12_months=Decimal("1000.00"))
        require_within_limits(a_deposit("2000.00", exemption="REG_CF", totals=used), profile, on=DAY)
        with pytest.raises(TransactionLimitExceeded) as refusal:
            require_within_limits(a_deposit("2000.01", exemption="REG_CF", totals=used), profile, on=DAY)
        assert refusal.value.details["limit_type"] == "ANNUAL_INVESTMENT"
        assert refusal.value.details["limit"] == "3000.00"

    def test_does_not_limit_other_offerings_by_the_formula(self, person: User) -> None:
        used = Totals(invested_12_months=Decimal("124000.00"))
        require_within_limits(a_deposit("2000.01", exemption="REG_D_506B", totals=used), profile_of(person), on=DAY)

    def test_allows_the_floor_to_somebody_without_a_profile(self, seeded: None) -> None:
        require_within_limits(a_deposit("2500.00", exemption="REG_CF"), None, on=DAY)
        with pytest.raises(TransactionLimitExceeded):
            require_within_limits(a_deposit("2500.01", exemption="REG_CF"), None, on=DAY)

    @pytest.mark.parametrize("kind", ["DISTRIBUTION", "CONSTRUCTION_DRAW", "REFUND", "WITHDRAWAL", "ESCROW_DEPOSIT"])
    def test_does_not_cap_what_is_no_investment(self, person: User, kind: str) -> None:
        require_within_limits(a_deposit("9000000.00", type=kind), profile_of(person), on=DAY)

    def test_holds_capital_calls_to_the_same(self, person: User) -> None:
        with pytest.raises(TransactionLimitExceeded):
            require_within_limits(a_deposit("50000.01", type="CAPITAL_CALL"), profile_of(person), on=DAY)


class TestRoom:
    def test_is_the_least_of_what_is_left(self, person: User) -> None:
        totals = Totals(deposited_today=Decimal("10000.00"), deposited_this_month=Decimal("495000.00"))
        assert limits.room(profile_of(person), totals, on=DAY) == Decimal("5000.00")

    def test_is_never_negative(self, person: User) -> None:
        totals = Totals(deposited_today=Decimal("60000.00"))
        assert limits.room(profile_of(person), totals, on=DAY) == Decimal("0.00")

    def test_is_the_limit_per_transaction_for_accredited_investors(self, investor: User, at: datetime) -> None:
        assert limits.room(profile_of(investor), Totals(), exemption="REG_CF", on=DAY) == Decimal("250000.00")
