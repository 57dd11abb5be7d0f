"""Waterfall terms as they are kept: versions, templates, and what is refused before it is kept."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from django.db import Error, connection, transaction

from distributions import templates
from distributions import terms as engine
from distributions.day_counts import DayCount
from distributions.models import WaterfallTerms
from distributions.operations import terms
from distributions.operations.terms import UnknownTemplate, UnworkableTerms
from distributions.queries import terms as queries
from realco.errors import NotPermitted
from realco.models import Offering, User

pytestmark = pytest.mark.django_db

DAY = date(2026, 1, 1)
LAST = engine.Split(Decimal("0.80"), Decimal("0.20"))
EVERYTHING = engine.Terms(
    (
        engine.ReturnOfCapital(),
        engine.PreferredReturn(
            Decimal("0.0725"),
            base=engine.CapitalBase.ORIGINAL,
            day_count=DayCount.THIRTY_E_360,
            compounding=engine.Compounding.QUARTERLY,
            accrues_from=date(2025, 7, 1),
        ),
        engine.CatchUp(Decimal("0.5"), Decimal("0.2")),
        LAST,
    ),
    profits_by=engine.ProfitBasis.OWNERSHIP,
)


class TestCreate:
    @pytest.mark.parametrize("wanted", [EVERYTHING, templates.original_four_tiers(), templates.case_a_terms()])
    def test_keeps_every_detail(self, offering: Offering, operator: User, at: datetime, wanted: engine.Terms) -> None:
        created = terms.create(offering, terms=wanted, effective_from=DAY, by=operator, at=at)

        assert queries.as_engine(WaterfallTerms.objects.get(pk=created.pk)) == wanted

    def test_counts_versions(self, offering: Offering, operator: User, at: datetime) -> None:
        terms.create_from_template(offering, template="case_a", effective_from=DAY, by=operator, at=at)

        second = terms.create_from_template(
            offering, template="original_four_tiers", effective_from=DAY, by=operator, at=at
        )

        assert second.version == 2
        assert queries.in_force(offering.pk, DAY) == second
        assert queries.in_force(offering.pk, date(2025, 12, 31)) is None

    def test_may_be_seeded_twice(self, offering: Offering, at: datetime) -> None:
        made = [
            terms.create_from_template(offering, template="case_a", effective_from=DAY, by=None, at=at)
            for _ in range(2)
        ]

        assert made[0] == made[1]

    def test_refuses_who_may_not(self, offering: Offering, investor: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            terms.create(offering, terms=EVERYTHING, effective_from=DAY, by=investor, at=at)

    def test_refuses_an_unknown_template(self, offering: Offering, at: datetime) -> None:
        with pytest.raises(UnknownTemplate, match="case_a"):
            terms.create_from_template(offering, template="case_z", effective_from=DAY, by=None, at=at)

    def test_refuses_a_version_that_begins_before_the_last(self, offering: Offering, at: datetime) -> None:
        terms.create_from_template(offering, template="case_a", effective_from=DAY, by=None, at=at)

        with pytest.raises(UnworkableTerms, match="cannot begin"):
            terms.create(offering, terms=EVERYTHING, effective_from=date(2025, 1, 1), by=None, at=at)

    def test_refuses_what_its_column_would_round(self, offering: Offering, at: datetime) -> None:
        fine = engine.Terms((engine.PreferredReturn(Decimal("0.08333333")), LAST))

        with pytest.raises(UnworkableTerms, match="six decimals"):
            terms.create(offering, terms=fine, effective_from=DAY, by=None, at=at)


class TestWorkable:
    def test_refuses_a_catch_up_that_never_completes(self) -> None:
        with pytest.raises(UnworkableTerms, match="greater than the target"):
            terms.workable(lambda: engine.CatchUp(Decimal("0.2"), Decimal("0.2")), LAST)

    def test_refuses_tiers_without_an_end(self) -> None:
        with pytest.raises(UnworkableTerms, match="last tier"):
            terms.workable(engine.ReturnOfCapital())


class TestTheDatabase:
    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE waterfall_terms SET version = 9",
            "UPDATE waterfall_tiers SET rate = 0.5 WHERE rate IS NOT NULL",
            "DELETE FROM waterfall_tiers",
            "INSERT INTO waterfall_tiers (id, terms_id, position, kind, sponsor_share, sponsor_target, day_count,"
            " compounding, base, created_at) SELECT gen_random_uuid(), id, 9, 'CATCH_UP', 0.2, 0.2, '', '', '', now()"
            " FROM waterfall_terms",
        ],
    )
    def test_refuses(self, offering: Offering, at: datetime, attack: str) -> None:
        terms.create_from_template(offering, template="case_a", effective_from=DAY, by=None, at=at)

        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)
