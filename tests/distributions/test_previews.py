"""What-if questions: the same figures as a real distribution, marked and compared, and nothing written."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from distributions.models import Distribution
from distributions.queries import previews
from distributions.queries.entitlements import NotDistributable, NoTerms
from distributions.queries.preview_lines import NOTHING, OBSTACLE, OFF
from distributions.queries.previews import Answer, NoEscrowAccount, Question
from finance.models import BankAccount
from realco.models import Offering
from tests import factories
from tests.distributions.deals import EXIT, NOW, Deal, close, commit, make_deal, standing
from tests.distributions.test_transfers import TODAY, executed
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
D = Decimal


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("2000000.00")
    return deal


def ask(deal: Deal, amount: str = "1700000.00", **changes: Any) -> Answer:
    return previews.answer(Question(**{"offering": deal.offering, "amount": D(amount), "on": EXIT, **changes}), at=NOW)


class TestAnswer:
    def test_is_what_a_distribution_would_be(self, deal: Deal) -> None:
        answer = ask(deal)

        assert answer.sponsor == 140_000
        assert [line.total for line in sorted(answer.lines, key=lambda line: -line.total)] == [
            780_000,
            468_000,
            312_000,
        ]
        distribution = deal.draw_up("1700000.00")
        paid = {str(row.investment_id): row.total_amount for row in standing(distribution) if row.investment_id}
        assert {line.key: line.total for line in answer.lines} == paid

    def test_foots(self, deal: Deal) -> None:
        answer = ask(deal, "1234567.89")

        assert answer.investors + answer.sponsor == D("1234567.89")
        assert sum(tier.took for tier in answer.tiers) == D("1234567.89")
        assert sum(tier.to_investors for tier in answer.tiers) == answer.investors == answer.total("total")

    def test_writes_nothing(self, deal: Deal) -> None:
        before = Distribution.objects.count()
        with CaptureQueriesContext(connection) as queries:
            ask(deal)

        said = [query["sql"].split()[0] for query in queries]
        assert "SET TRANSACTION READ ONLY" in [query["sql"] for query in queries]
        assert set(said) <= {"SELECT", "SET", "SAVEPOINT", "RELEASE"}
        assert Distribution.objects.count() == before

    def test_could_not_write_if_it_tried(self, deal: Deal) -> None:
        with pytest.raises(InternalError, match="read-only transaction"), transaction.atomic():
            with previews.writing_nothing():
                deal.create("1.00")

        assert deal.create("1.00").pk

    def test_compares_with_the_last_distribution(self, deal: Deal) -> None:
        deal.approve("100000.00", on=date(2024, 1, 1))

        answer = ask(deal)

        first = max(answer.lines, key=lambda line: line.contributed)
        assert answer.last_on == date(2024, 1, 1)
        assert first.last == D("50000.00")
        assert first.change == first.total - first.last
        assert answer.total("last") == D("100000.00")

    def test_takes_few_queries(self, deal: Deal, django_assert_max_num_queries: Any) -> None:
        deal.approve("100000.00", on=date(2024, 1, 1))

        with django_assert_max_num_queries(27):
            ask(deal)

    def test_may_ask_for_a_day_ahead_and_more_than_there_is(self, deal: Deal) -> None:
        answer = ask(deal, "9000000.00", on=date(2030, 1, 1))

        assert answer.available == D("2000000.00")
        assert answer.investors + answer.sponsor == D("9000000.00")

    def test_is_refused_in_words(self, deal: Deal) -> None:
        with pytest.raises(NoTerms):
            ask(deal, on=date(2020, 1, 1))
        with pytest.raises(NotDistributable):
            ask(deal, "0.00")
        with pytest.raises(NoEscrowAccount):
            previews.answer(Question(Offering(name="None"), D(1), EXIT), at=NOW)


class TestMarks:
    def test_name_who_gets_nothing_or_is_off_pro_rata(self, deal: Deal) -> None:
        late = factories.make_investor("Lara Late", verifier=deal.operator, at=NOW)
        commit(deal, late, "100000.00", at=NOW)
        close(deal, at=NOW)

        answer = ask(deal, "100000.00")

        [nothing] = answer.marked(NOTHING)
        assert nothing.investor_id == late.pk
        assert len(answer.marked(OFF)) == 3
        assert ask(deal, "100000.00", tolerance=D(1)).marked(OFF) == []

    def test_name_who_cannot_be_paid_and_why(self, deal: Deal) -> None:
        BankAccount.objects.filter(user=deal.investors[0]).update(status="SUSPENDED")

        [line] = ask(deal).marked(OBSTACLE)

        assert line.investor_id == deal.investors[0].pk
        assert "bank account" in line.obstacle


class TestPerformance:
    def test_is_that_of_the_sale(self, deal: Deal) -> None:
        answer = ask(deal)

        everybody = answer.classes[""]
        assert everybody.tvpi == everybody.dpi == D("1.560000")
        assert everybody.irr.rate is not None
        assert D("0.15") < everybody.irr.rate < D("0.17")
        each = previews.performances(answer, answer.lines)
        assert {one.dpi for one in each.values()} == {D("1.560000")}
        assert {one.irr.rate for one in each.values()} == {everybody.irr.rate}

    def test_counts_earlier_distributions_and_what_is_left(self, deal: Deal) -> None:
        deal.approve("100000.00", on=date(2024, 1, 1))

        answer = ask(deal, "200000.00", residual=D("1400000.00"))

        everybody = answer.classes[""]
        each = previews.performances(answer, answer.lines)
        assert everybody.distributed == D("300000.00")
        assert everybody.residual + answer.sponsor_residual == D("1400000.00")
        assert everybody.rvpi is not None and everybody.dpi == D("0.300000")
        assert sum(one.distributed for one in each.values()) == everybody.distributed
        assert sum(one.residual for one in each.values()) == everybody.residual

    def test_of_a_buyer_begins_with_what_was_taken_over(self, deal: Deal) -> None:
        deal.approve("100000.00", on=date(2024, 1, 1))
        buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=TODAY)
        executed(deal, buyer, "0.4")

        answer = ask(deal)

        each = previews.performances(answer, answer.lines)
        by_person = {line.investor_id: each[line.key] for line in answer.lines}
        bought, sold = by_person[buyer.pk], by_person[deal.investors[0].pk]
        assert bought.taken_over == sold.handed_over != ()
        assert bought.contributed == bought.taken_over[0][1]
        assert bought.irr.rate is not None and sold.irr.rate is not None
        everybody = answer.classes[""]
        assert everybody.contributed == D("1000000.00")
        assert sum(one.distributed for one in each.values()) - bought.taken_over[0][1] == everybody.distributed
        assert sum(one.contributed for one in each.values()) - bought.taken_over[0][1] == everybody.contributed
