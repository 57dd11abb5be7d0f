"""Overrides of a line: a reason, another line that makes up for it, a second person, and what the payee is shown."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import distributions, overrides, withholdings
from distributions.operations.distributions import NotDraft, OverrideUnconfirmed, ReasonMissing
from distributions.operations.overrides import (
    Decision,
    LeavesTooLittle,
    NotALine,
    NothingToConfirm,
    NothingToWithdraw,
    OverriddenByYou,
    UnknownPart,
)
from distributions.queries import capital_accounts, investor_distributions, statements
from distributions.queries import distributions as queries
from realco.errors import NotPermitted
from tests.distributions.deals import EXIT, NOW, Deal, make_deal, standing
from tests.stages import staged

pytestmark = pytest.mark.django_db
PART = "preferred_return"
LATER = NOW + timedelta(minutes=5)


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1000.00")
    return deal


@staged
def draft(deal: Deal) -> Distribution:
    return deal.draw_up("1000.00")


def of(distribution: Distribution, deal: Deal, number: int) -> DistributionAllocation:
    [row] = [row for row in standing(distribution) if row.investor == deal.investors[number]]
    return row


def decide(
    deal: Deal,
    draft: Distribution,
    amount: str,
    *,
    part: str = PART,
    line: int = 0,
    against: int = 1,
    at: datetime = NOW,
) -> Distribution:
    decision = Decision(of(draft, deal, line).pk, part, Decimal(amount), of(draft, deal, against).pk)
    return overrides.override(draft, decision=decision, reason="Side letter", by=deal.operator, at=at)


class TestOverride:
    def test_takes_the_difference_from_the_line_that_is_named(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")

        first, second, third = (of(draft, deal, number) for number in range(3))
        assert [first.total_amount, second.total_amount, third.total_amount] == [510, 290, 200]
        nothing = dict.fromkeys(("return_of_capital", "sponsor_catch_up", "profit_split"), "0.00")
        assert first.calculated == {**nothing, "preferred_return": "500.00"}
        assert (first.override_reason, first.overridden_by, third.calculated) == ("Side letter", deal.operator, None)

    def test_may_be_done_again_and_remembers_what_the_waterfall_gave(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        decide(deal, draft, "505.00")

        first = of(draft, deal, 0)
        assert first.total_amount == 505
        assert first.calculated is not None and first.calculated[PART] == "500.00"

    def test_is_gone_when_it_is_calculated_again(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")

        distributions.calculate(draft, by=deal.operator, at=NOW)

        assert not queries.overrides(draft).exists()
        assert of(draft, deal, 0).total_amount == 500

    @pytest.mark.parametrize(
        ("amount", "part", "against", "refusal"),
        [
            ("800.01", PART, 1, LeavesTooLittle),
            ("800.00", PART, 1, LeavesTooLittle),
            ("510.00", "sponsor_catch_up", 1, UnknownPart),
            ("510.00", "net_amount", 1, UnknownPart),
            ("510.00", PART, 0, NotALine),
        ],
    )
    def test_refuses(
        self, deal: Deal, draft: Distribution, amount: str, part: str, against: int, refusal: type[Exception]
    ) -> None:
        with pytest.raises(refusal):
            decide(deal, draft, amount, part=part, against=against)

        assert [of(draft, deal, number).total_amount for number in range(3)] == [500, 300, 200]

    def test_needs_a_reason_a_draft_and_the_permission(self, deal: Deal, draft: Distribution) -> None:
        decision = Decision(of(draft, deal, 0).pk, PART, Decimal("510.00"), of(draft, deal, 1).pk)
        with pytest.raises(ReasonMissing):
            overrides.override(draft, decision=decision, reason=" ", by=deal.operator, at=NOW)
        with pytest.raises(NotPermitted):
            overrides.override(draft, decision=decision, reason="Why", by=deal.approver, at=NOW)
        distributions.submit(draft, by=deal.operator, at=NOW)
        with pytest.raises(NotDraft):
            overrides.override(draft, decision=decision, reason="Why", by=deal.operator, at=NOW)


class TestConfirm:
    def test_a_second_person_lets_it_be_submitted_and_signed(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        with pytest.raises(OverrideUnconfirmed):
            distributions.submit(draft, by=deal.operator, at=NOW)

        overrides.confirm(draft, by=deal.second_approver, at=NOW)
        submitted = distributions.submit(draft, by=deal.operator, at=NOW)

        assert deal.sign(submitted).status == "APPROVED"
        assert of(draft, deal, 0).override_confirmed_by == deal.second_approver

    def test_is_asked_for_again_when_a_line_changes(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        overrides.confirm(draft, by=deal.approver, at=NOW)
        decide(deal, draft, "520.00")

        with pytest.raises(OverrideUnconfirmed):
            distributions.submit(draft, by=deal.operator, at=NOW)

    def test_is_not_for_who_decided(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")

        with pytest.raises(OverriddenByYou):
            overrides.confirm(draft, by=deal.operator, at=NOW)

    def test_needs_something_to_confirm(self, deal: Deal, draft: Distribution) -> None:
        with pytest.raises(NothingToConfirm):
            overrides.confirm(draft, by=deal.approver, at=NOW)

    def test_who_decided_is_part_of_what_is_signed(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        overrides.confirm(draft, by=deal.approver, at=NOW)
        submitted = distributions.submit(draft, by=deal.operator, at=NOW)
        assert queries.preview(submitted).changes == []

        tampered = "UPDATE distribution_allocations SET override_reason = 'Another' WHERE override_reason <> ''"
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(tampered)
            cursor.execute("SET LOCAL session_replication_role = origin")

        assert distributions.changes_under_lock(submitted, anew=False) == [
            "its rows no longer have the hash that was submitted"
        ]


class TestThePayee:
    def test_sees_tiers_that_add_up_and_what_was_decided(self, deal: Deal, draft: Distribution, client: Client) -> None:
        decide(deal, draft, "510.00")
        overrides.confirm(draft, by=deal.approver, at=NOW)
        deal.sign(distributions.submit(draft, by=deal.operator, at=NOW))
        client.force_login(deal.investors[0])

        page = client.get(reverse("portal:distribution", args=[of(draft, deal, 0).pk]))

        assert [page.context[name] for name in ("took_total", "yours_total", "decided")] == [1000, 500, 10]
        assert "+$10.00" in page.content.decode()

    def test_has_a_statement_that_adds_up(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        overrides.confirm(draft, by=deal.second_approver, at=NOW)
        deal.sign(distributions.submit(draft, by=deal.operator, at=NOW))

        statement = statements.of_allocation(of(draft, deal, 0))

        [entry] = statement.entries
        assert sum(tier.yours for tier in entry.tiers) == entry.worked_out == 500
        assert entry.worked_out + entry.decided == entry.allocation.total_amount
        html = render_to_string("statements/statement.html", {"statement": statement, "made_at": NOW})
        for words in ("Decided otherwise than the waterfall gives:", "Decided by hand", "+$10.00"):
            assert words in html

    @pytest.mark.parametrize(
        ("template", "part", "total"),
        [
            ("preferred_and_catch_up", "preferred_return", "1000.00"),
            ("original_four_tiers", "return_of_capital", "600000.00"),
            ("three_hurdle_promote", "preferred_return", "1000.00"),
            ("three_hurdle_promote", "profit_split", "9000000.00"),
        ],
    )
    def test_is_left_where_the_capital_account_goes_on(self, template: str, part: str, total: str) -> None:
        deal = make_deal(template=template)
        deal.earn(total)
        draft = deal.draw_up(total)
        decide(deal, draft, str(getattr(of(draft, deal, 0), part) + 10), part=part)
        overrides.confirm(draft, by=deal.second_approver, at=NOW)
        deal.sign(distributions.submit(draft, by=deal.operator, at=NOW))

        for number in (0, 1, 2):
            found = investor_distributions.standing(of(draft, deal, number))
            [account] = capital_accounts.accounts(deal.offering, on=EXIT, investor_id=deal.investors[number].pk)
            assert found is not None
            assert (found.unreturned_after, found.preferred_owed_after) == (account.unreturned, account.preferred_owed)


class TestWithdraw:
    def test_gives_back_what_the_waterfall_gave(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")

        overrides.withdraw(draft, reason="No side letter", by=deal.approver, at=LATER)

        assert [of(draft, deal, number).total_amount for number in range(3)] == [500, 300, 200]
        assert not queries.overrides(draft).exists()
        assert deal.sign(distributions.submit(draft, by=deal.operator, at=LATER)).status == "APPROVED"

    def test_gives_back_what_was_confirmed_before(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        overrides.confirm(draft, by=deal.approver, at=NOW)
        decide(deal, draft, "280.00", line=1, against=2, at=LATER)

        overrides.withdraw(draft, reason="A mistake", by=deal.operator, at=LATER)

        rows = [of(draft, deal, number) for number in range(3)]
        assert [row.total_amount for row in rows] == [510, 290, 200]
        assert [row.override_confirmed_by for row in rows] == [deal.approver, deal.approver, None]
        assert distributions.submit(draft, by=deal.operator, at=LATER).status == "PENDING_APPROVAL"

    def test_takes_withholding_off_anew(self, deal: Deal, draft: Distribution) -> None:
        rate = Decimal("0.24")
        who, day = deal.investors[0], draft.as_of_date
        withholdings.set_rate(who, rate=rate, reason="W-8BEN", effective_from=day, by=deal.operator, at=NOW)
        distributions.calculate(draft, by=deal.operator, at=NOW)
        decide(deal, draft, "510.00")
        assert of(draft, deal, 0).withholding_amount == Decimal("122.40")

        overrides.withdraw(draft, reason="No side letter", by=deal.approver, at=LATER)

        assert [of(draft, deal, 0).withholding_amount, of(draft, deal, 0).net_amount] == [120, 380]
        assert distributions.submit(draft, by=deal.operator, at=LATER).status == "PENDING_APPROVAL"

    def test_needs_one_that_waits_a_reason_and_the_permission(self, deal: Deal, draft: Distribution) -> None:
        with pytest.raises(NothingToWithdraw):
            overrides.withdraw(draft, reason="Why", by=deal.operator, at=NOW)
        decide(deal, draft, "510.00")
        with pytest.raises(ReasonMissing):
            overrides.withdraw(draft, reason=" ", by=deal.operator, at=NOW)
        with pytest.raises(NotPermitted):
            overrides.withdraw(draft, reason="Why", by=deal.investors[0], at=NOW)
        overrides.confirm(draft, by=deal.approver, at=NOW)
        with pytest.raises(NothingToWithdraw):
            overrides.withdraw(draft, reason="Why", by=deal.operator, at=NOW)


class TestTheDatabase:
    def refuses(self, sql: str, *values: Any) -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, list(values))
        except DatabaseError:
            return True
        return False

    def test_refuses_a_submission_that_waits_for_a_second_person(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        assert self.refuses(
            "UPDATE distributions SET status = 'PENDING_APPROVAL', content_hash = 'x' WHERE id = %s", draft.pk
        )

    def test_refuses_a_decision_confirmed_by_who_took_it(self, deal: Deal, draft: Distribution) -> None:
        decide(deal, draft, "510.00")
        assert self.refuses(
            "UPDATE distribution_allocations SET override_confirmed_by_id = overridden_by_id"
            " WHERE overridden_by_id IS NOT NULL"
        )

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE distributions SET as_of_date = as_of_date - 1 WHERE id = %s",
            "UPDATE distributions SET content_hash = 'x' WHERE id = %s",
            "UPDATE distributions SET metadata = '{}' WHERE id = %s",
            "INSERT INTO distribution_allocations (id, distribution_id, investor_id, return_of_capital,"
            " preferred_return, sponsor_catch_up, profit_split, total_amount, fee_amount, net_amount, status,"
            " failure_reason, explanation, metadata, created_at, updated_at)"
            " SELECT gen_random_uuid(), id, created_by_id, 0, 0, 0, 1, 1, 0, 1, 'PENDING', '', '{}', '{}', now(), now()"
            " FROM distributions WHERE id = %s",
        ],
    )
    def test_keeps_what_was_submitted_as_it_is(self, deal: Deal, draft: Distribution, change: str) -> None:
        distributions.submit(draft, by=deal.operator, at=NOW)
        assert self.refuses(change, draft.pk)

    def test_approves_nothing_that_does_not_foot(self, deal: Deal, draft: Distribution) -> None:
        submitted = distributions.submit(draft, by=deal.operator, at=NOW)
        submitted.allocations.filter(investor=deal.investors[0]).update(status="CANCELLED")
        assert self.refuses("UPDATE distributions SET status = 'APPROVED' WHERE id = %s", draft.pk)

    def test_calls_no_allocation_off_that_is_being_paid(self, deal: Deal) -> None:
        paid = deal.execute("1000.00")
        assert (
            self.refuses("UPDATE distribution_allocations SET status = 'FAILED' WHERE distribution_id = %s", paid.pk)
            is False
        )
        assert self.refuses(
            "UPDATE distribution_allocations SET status = 'CANCELLED' WHERE distribution_id = %s", paid.pk
        )

    def test_takes_no_signature_of_a_payee(self, deal: Deal, draft: Distribution) -> None:
        submitted = distributions.submit(draft, by=deal.operator, at=NOW)
        assert self.refuses(
            "INSERT INTO distribution_approvals (id, distribution_id, approver_id, content_hash, note, approved_at)"
            " VALUES (gen_random_uuid(), %s, %s, %s, '', now())",
            draft.pk, deal.investors[0].pk, submitted.content_hash,
        )  # fmt: skip
