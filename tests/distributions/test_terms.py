"""Waterfall terms as they are kept: drafted by one, held against examples, activated by another, then never changed."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import Error, connection, transaction
from hypothesis import given

from distributions import templates
from distributions import terms as engine
from distributions.day_counts import DayCount
from distributions.models import WaterfallTerms
from distributions.operations import terms, waterfall_examples
from distributions.operations.terms import (
    ActivatorIsDrafter,
    BeginsTooEarly,
    ExampleDiffers,
    NoExample,
    NotDraft,
    NotTheirDraft,
    ReasonMissing,
    TermsChanged,
    UnknownTemplate,
    UnworkableTerms,
)
from distributions.queries import terms as queries
from realco.errors import NotPermitted
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.distributions import drawn

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
            lp_share=Decimal("0.9"),
            gp_share=Decimal("0.1"),
        ),
        engine.PreferredReturn(Decimal("0.083333333333"), cumulative=False),
        engine.IrrHurdle(Decimal("0.12"), Decimal("0.8"), Decimal("0.2")),
        engine.MultipleHurdle(Decimal("1.75"), Decimal("0.7"), Decimal("0.3")),
        engine.CatchUp(Decimal("0.5"), Decimal("0.2")),
        LAST,
    ),
    profits_by=engine.ProfitBasis.OWNERSHIP,
)
CLASSES = engine.ClassedTerms(
    (
        engine.InvestorClass("Senior", templates.preferred_and_split()),
        engine.InvestorClass("Common", templates.three_hurdle_promote()),
    ),
    engine.BetweenClasses.SENIOR,
)


def drafted(
    offering: Offering, operator: User, at: datetime, template: str = "preferred_and_catch_up"
) -> WaterfallTerms:
    return terms.draft_from_template(offering, template=template, effective_from=DAY, by=operator, at=at)


def activate(version: WaterfallTerms, approver: User, at: datetime) -> WaterfallTerms:
    return terms.activate(version, content_hash=queries.content_hash(version), approver=approver, at=at)


def with_example(version: WaterfallTerms, by: User, at: datetime, **changes: object) -> WaterfallTerms:
    example = {**factories.example_of("preferred_and_catch_up"), **changes}
    waterfall_examples.enter(version, example=example, by=by, at=at)
    return version


@pytest.mark.django_db
class TestDraft:
    @pytest.mark.parametrize("wanted", [EVERYTHING, CLASSES, *(make() for make in terms.TEMPLATES.values())])
    def test_keeps_every_detail(
        self, offering: Offering, operator: User, at: datetime, wanted: engine.Terms | engine.ClassedTerms
    ) -> None:
        created = terms.draft(offering, terms=wanted, effective_from=DAY, by=operator, at=at)

        assert queries.as_engine(WaterfallTerms.objects.get(pk=created.pk)) == wanted

    def test_counts_for_nothing(self, offering: Offering, operator: User, at: datetime) -> None:
        assert drafted(offering, operator, at).status == "DRAFT"
        assert queries.in_force(offering.pk, DAY) is None

    def test_counts_versions(self, offering: Offering, operator: User, at: datetime) -> None:
        assert [drafted(offering, operator, at).version for _ in range(3)] == [1, 2, 3]

    def test_refuses_who_may_not(self, offering: Offering, investor: User, approver: User, at: datetime) -> None:
        for person in (investor, approver):
            with pytest.raises(NotPermitted):
                drafted(offering, person, at)

    def test_refuses_an_unknown_template(self, offering: Offering, operator: User, at: datetime) -> None:
        with pytest.raises(UnknownTemplate, match="straight_split"):
            drafted(offering, operator, at, template="case_z")

    def test_refuses_more_tiers_than_it_keeps(self, offering: Offering, operator: User, at: datetime) -> None:
        hurdles = tuple(engine.IrrHurdle(Decimal(n).scaleb(-3)) for n in range(1, 41))

        with pytest.raises(UnworkableTerms, match="40 tiers"):
            terms.draft(offering, terms=engine.Terms((*hurdles, LAST)), effective_from=DAY, by=operator, at=at)

    def test_begins_from_a_version_there_is(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        first = activate(with_example(drafted(offering, operator, at), operator, at), approver, at)

        second = terms.draft_from_version(first, effective_from=date(2027, 1, 1), by=operator, at=at)

        assert (second.version, second.status) == (2, "DRAFT")
        assert queries.as_engine(second) == queries.as_engine(first)


class TestRows:
    @drawn.lawful
    @given(drawn.all_terms() | drawn.classed_terms())
    def test_random_terms_come_back_as_they_were(self, wanted: engine.Terms | engine.ClassedTerms) -> None:
        version = WaterfallTerms(
            profits_by=engine.classes_of(wanted).classes[0].terms.profits_by,
            between_classes=engine.classes_of(wanted).between,
        )

        assert queries.from_rows(version, terms.rows_of(wanted)) == wanted


@pytest.mark.django_db
class TestChange:
    def test_replaces_the_tiers_as_a_whole(self, offering: Offering, operator: User, at: datetime) -> None:
        version = drafted(offering, operator, at)

        terms.change(version, terms=CLASSES, effective_from=date(2026, 2, 1), note="Side letter", by=operator, at=at)

        version = WaterfallTerms.objects.get()
        assert (queries.as_engine(version), version.effective_from) == (CLASSES, date(2026, 2, 1))

    def test_is_the_drafters_alone(self, offering: Offering, operator: User, at: datetime) -> None:
        version = drafted(offering, operator, at)
        other = factories.make_user("Otto Other", "Operations", is_staff=True)

        with pytest.raises(NotTheirDraft, match="draft of your own"):
            terms.change(version, terms=EVERYTHING, effective_from=DAY, note="", by=other, at=at)

    def test_leaves_active_terms_alone(self, offering: Offering, operator: User, approver: User, at: datetime) -> None:
        version = activate(with_example(drafted(offering, operator, at), operator, at), approver, at)

        with pytest.raises(NotDraft, match="Draft a new version"):
            terms.change(version, terms=EVERYTHING, effective_from=DAY, note="", by=operator, at=at)


@pytest.mark.django_db
class TestActivate:
    def test_brings_a_draft_into_force(self, offering: Offering, operator: User, approver: User, at: datetime) -> None:
        version = activate(with_example(drafted(offering, operator, at), operator, at), approver, at)

        assert queries.in_force(offering.pk, DAY) == version
        assert queries.in_force(offering.pk, DAY - timedelta(days=1)) is None
        assert AuditEvent.objects.filter(entity_id=str(version.pk), action="terms.activate").get().user == approver

    def test_supersedes_from_its_day_on(self, offering: Offering, operator: User, approver: User, at: datetime) -> None:
        first = activate(with_example(drafted(offering, operator, at), operator, at), approver, at)
        second = terms.draft_from_version(first, effective_from=date(2026, 7, 1), by=operator, at=at)

        activate(with_example(second, operator, at), approver, at)

        first.refresh_from_db()
        assert (first.status, first.superseded_from) == ("SUPERSEDED", date(2026, 7, 1))
        assert queries.in_force(offering.pk, date(2026, 6, 30)) == first
        assert queries.in_force(offering.pk, date(2026, 7, 1)) == second

    def test_replaces_a_version_of_the_same_day(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        for _ in range(2):
            latest = activate(with_example(drafted(offering, operator, at), operator, at), approver, at)

        assert queries.in_force(offering.pk, DAY) == latest

    def test_refuses_the_drafter(self, offering: Offering, operator: User, at: datetime) -> None:
        operator.groups.add(factories.make_group("Approvers"))
        version = with_example(drafted(offering, operator, at), operator, at)

        with pytest.raises(ActivatorIsDrafter):
            activate(version, User.objects.get(pk=operator.pk), at)

    def test_refuses_who_may_not(self, offering: Offering, operator: User, at: datetime) -> None:
        other = factories.make_user("Otto Other", "Operations", is_staff=True)

        with pytest.raises(NotPermitted):
            activate(with_example(drafted(offering, operator, at), operator, at), other, at)

    def test_refuses_terms_without_an_example(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        with pytest.raises(NoExample):
            activate(drafted(offering, operator, at), approver, at)

    def test_refuses_an_example_that_is_a_cent_off_and_names_the_figure(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        version = with_example(
            drafted(offering, operator, at), operator, at,
            expected=[["Investors", "1559999.99"]], sponsor="140000.01",
        )  # fmt: skip

        with pytest.raises(
            ExampleDiffers, match=r"Investors should get \$1,559,999.99, these terms give \$1,560,000.00, \$0.01 more"
        ):
            activate(version, approver, at)

    def test_refuses_a_tier_that_differs(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        version = with_example(drafted(offering, operator, at), operator, at, tiers=[[3, "80000.00", "80000.01"]])

        with pytest.raises(ExampleDiffers, match="Tier 3, sponsor"):
            activate(version, approver, at)

    def test_refuses_what_changed_since_it_was_seen(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        version = with_example(drafted(offering, operator, at), operator, at)
        seen = queries.content_hash(version)
        terms.change(version, terms=templates.straight_split(), effective_from=DAY, note="", by=operator, at=at)

        with pytest.raises(TermsChanged):
            terms.activate(version, content_hash=seen, approver=approver, at=at)

    def test_refuses_a_version_that_begins_before_the_last(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        first = activate(with_example(drafted(offering, operator, at), operator, at), approver, at)
        earlier = terms.draft_from_version(first, effective_from=date(2025, 1, 1), by=operator, at=at)

        with pytest.raises(BeginsTooEarly, match="cannot begin"):
            activate(with_example(earlier, operator, at), approver, at)

    def test_happens_once(self, offering: Offering, operator: User, approver: User, at: datetime) -> None:
        version = with_example(drafted(offering, operator, at), operator, at)
        activate(version, approver, at)

        with pytest.raises(NotDraft):
            activate(version, approver, at)


@pytest.mark.django_db
class TestWithdraw:
    def test_puts_a_draft_aside(self, offering: Offering, operator: User, approver: User, at: datetime) -> None:
        version = terms.withdraw(drafted(offering, operator, at), by=approver, reason="Wrong agreement", at=at)

        assert (version.status, version.withdrawn_reason) == ("WITHDRAWN", "Wrong agreement")
        with pytest.raises(NotDraft):
            activate(version, approver, at)

    def test_asks_why(self, offering: Offering, operator: User, at: datetime) -> None:
        with pytest.raises(ReasonMissing):
            terms.withdraw(drafted(offering, operator, at), by=operator, reason=" ", at=at)


class TestWorkable:
    def test_refuses_a_catch_up_that_never_completes(self) -> None:
        with pytest.raises(UnworkableTerms, match="greater than the target"):
            terms.workable(lambda: engine.CatchUp(Decimal("0.2"), Decimal("0.2")), LAST)

    def test_refuses_tiers_without_an_end(self) -> None:
        with pytest.raises(UnworkableTerms, match="last tier"):
            terms.workable(engine.ReturnOfCapital())


def tier(kind: str, **columns: str) -> str:
    """An insert of one tier into the only version."""
    values = {
        "id": "gen_random_uuid()", "terms_id": "id", "class_name": "'X'", "position": "9", "kind": f"'{kind}'",
        "rate": "NULL", "multiple": "NULL", "sponsor_share": "NULL", "sponsor_target": "NULL", "day_count": "''",
        "compounding": "''", "base": "''", "cumulative": "true", "created_at": "now()", **columns,
    }  # fmt: skip
    return f"INSERT INTO waterfall_tiers ({', '.join(values)}) SELECT {', '.join(values.values())} FROM waterfall_terms"


@pytest.mark.django_db
class TestTheDatabase:
    def refuses(self, attack: str) -> None:
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(attack)

    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE waterfall_terms SET version = 9",
            "UPDATE waterfall_terms SET effective_from = '2020-01-01'",
            "UPDATE waterfall_terms SET profits_by = 'OWNERSHIP'",
            "UPDATE waterfall_terms SET between_classes = 'SENIOR'",
            "UPDATE waterfall_terms SET note = 'As agreed'",
            "UPDATE waterfall_terms SET content_hash = repeat('0', 64)",
            "UPDATE waterfall_terms SET activated_by_id = NULL, taken_over = true",
            "UPDATE waterfall_terms SET activated_by_id = created_by_id",
            "UPDATE waterfall_terms SET status = 'DRAFT'",
            "UPDATE waterfall_terms SET status = 'WITHDRAWN', withdrawn_reason = 'x', withdrawn_at = now(),"
            " withdrawn_by_id = created_by_id",
            "UPDATE waterfall_terms SET status = 'SUPERSEDED', superseded_from = '2027-01-01'",
            "UPDATE waterfall_terms SET superseded_from = '2027-01-01'",
            "DELETE FROM waterfall_terms",
            "TRUNCATE waterfall_tiers",
            "UPDATE waterfall_tiers SET rate = 0.5 WHERE rate IS NOT NULL",
            "UPDATE waterfall_tiers SET class_name = 'A'",
            "DELETE FROM waterfall_tiers",
            "DELETE FROM waterfall_examples",
            "UPDATE waterfall_examples SET expected_sponsor = 0",
            "TRUNCATE waterfall_examples",
            tier("SPLIT", sponsor_share="0.2"),
            "INSERT INTO waterfall_examples SELECT gen_random_uuid(), source, on_date, amount, contributions, earlier,"
            " expected, expected_sponsor, expected_tiers, created_at, entered_by_id, terms_id FROM waterfall_examples",
        ],
    )
    def test_refuses_to_change_active_terms(
        self, offering: Offering, operator: User, approver: User, at: datetime, attack: str
    ) -> None:
        activate(with_example(drafted(offering, operator, at), operator, at), approver, at)

        self.refuses(attack)

    ACTIVATION = "UPDATE waterfall_terms SET status = 'ACTIVE', activated_at = now(), content_hash = repeat('0', 64)"

    def test_refuses_activation_without_an_example(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        drafted(offering, operator, at)

        self.refuses(f"{self.ACTIVATION}, activated_by_id = '{approver.pk}'")

    @pytest.mark.parametrize("who", ["NULL", "created_by_id"])
    def test_refuses_activation_by_nobody_or_the_drafter(
        self, offering: Offering, operator: User, at: datetime, who: str
    ) -> None:
        with_example(drafted(offering, operator, at), operator, at)

        self.refuses(f"{self.ACTIVATION}, activated_by_id = {who}")

    def test_refuses_activation_of_terms_without_an_end(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        with_example(drafted(offering, operator, at), operator, at)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM waterfall_tiers WHERE kind = 'SPLIT'")

        self.refuses(f"{self.ACTIVATION}, activated_by_id = '{approver.pk}'")

    def test_refuses_two_active_versions(
        self, offering: Offering, operator: User, approver: User, at: datetime
    ) -> None:
        activate(with_example(drafted(offering, operator, at), operator, at), approver, at)
        with_example(drafted(offering, operator, at), operator, at)

        self.refuses(f"{self.ACTIVATION}, activated_by_id = '{approver.pk}' WHERE status = 'DRAFT'")

    def test_refuses_terms_that_begin_as_active(self, offering: Offering, operator: User, at: datetime) -> None:
        drafted(offering, operator, at)

        self.refuses(
            "INSERT INTO waterfall_terms (id, offering_id, version, status, effective_from, profits_by,"
            " between_classes, note, content_hash, created_at, activated_at, withdrawn_reason, taken_over)"
            " SELECT gen_random_uuid(), offering_id, 9, 'ACTIVE', '2020-01-01', 'CONTRIBUTED', 'PRO_RATA', '', '',"
            " now(), now(), '', true FROM waterfall_terms"
        )

    @pytest.mark.parametrize(
        "attack",
        [
            tier("CATCH_UP", sponsor_share="0.2", sponsor_target="0.2"),
            tier("SPLIT"),
            tier("SPLIT", sponsor_share="1.1"),
            tier("SPLIT", sponsor_share="0.2", rate="0.08"),
            tier("IRR_HURDLE", sponsor_share="0"),
            tier("IRR_HURDLE", rate="0.08", sponsor_share="1"),
            tier("MULTIPLE_HURDLE", multiple="0.9", sponsor_share="0"),
            tier("PREFERRED_RETURN", rate="0.08", sponsor_share="0"),
            tier("PREFERRED_RETURN", rate="0.08", sponsor_share="0", base="'UNRETURNED'", day_count="'ACT_365'",
                 compounding="'ANNUAL'", cumulative="false"),
            tier("RETURN_OF_CAPITAL", sponsor_share="0.5"),
            tier("RETURN_OF_CAPITAL", class_name="''"),
        ],
    )  # fmt: skip
    def test_refuses_tiers_that_cannot_be_worked(
        self, offering: Offering, operator: User, at: datetime, attack: str
    ) -> None:
        drafted(offering, operator, at)

        self.refuses(attack)

    def test_takes_a_tier_that_can(self, offering: Offering, operator: User, at: datetime) -> None:
        """Or the attacks above would be refused for another reason."""
        version = drafted(offering, operator, at)

        with connection.cursor() as cursor:
            cursor.execute(tier("IRR_HURDLE", rate="0.08", sponsor_share="0"))

        assert version.tiers.count() == 5
