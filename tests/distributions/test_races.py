"""Distributions under real threads: one signature each, one payment each, one credit each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import sleep
from unittest.mock import patch

import pytest
from django.db import transaction

from distributions.models import Distribution, DistributionAllocation, WaterfallTerms
from distributions.operations import allocations, distributions, locks, payouts, sweeps, terms, waterfall_examples
from distributions.queries import terms as terms_queries
from distributions.templates import straight_split
from escrow import books
from finance.models import Transaction
from realco.errors import Refusal
from realco.models import AuditEvent
from tests import factories
from tests.conftest import close_connections
from tests.distributions.deals import EXIT, NOW, Deal, bounce, make_deal, payment_of, standing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


def at_once(works: Sequence[Callable[[], object]]) -> list[object]:
    """Run all of them in threads that start together; a refusal is a result."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return work()
        except Refusal as refusal:
            return refusal
        finally:
            close_connections()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def refused(results: list[object]) -> int:
    return sum(isinstance(result, Refusal) for result in results)


class TestRaces:
    def test_creating_under_one_key_creates_one(self, deal: Deal) -> None:
        results = at_once([lambda: deal.create("1000.00", key="once") for _ in range(8)])

        assert len({result.pk for result in results if isinstance(result, Distribution)}) == 1
        assert refused(results) == 0

    def test_ten_approvals_of_each_of_two_people_are_two_signatures(self, deal: Deal) -> None:
        distribution = deal.submit("600000.00")

        def approve(approver: object) -> Callable[[], object]:
            return lambda: distributions.approve(
                distribution,
                approver=approver,  # type: ignore[arg-type]
                content_hash=distribution.content_hash,
                at=NOW,
            )

        results = at_once([approve(one) for one in [deal.approver, deal.second_approver] * 10])

        distribution.refresh_from_db()
        assert refused(results) == 18
        assert distribution.approvals.count() == 2
        assert distribution.status == Distribution.Status.APPROVED

    def test_two_distributions_of_the_same_money_are_not_both_approved(self, deal: Deal) -> None:
        drafts = [deal.draw_up("50000.00") for _ in range(4)]
        submitted = [distributions.submit(one, by=deal.operator, at=NOW) for one in drafts]

        results = at_once(
            [
                lambda one=one: distributions.approve(  # type: ignore[misc]
                    one, approver=deal.approver, content_hash=one.content_hash, at=NOW
                )
                for one in submitted
            ]
        )

        assert refused(results) == 3
        assert Distribution.objects.filter(status=Distribution.Status.APPROVED).count() == 1

    def test_executing_at_once_pays_everybody_once(self, deal: Deal) -> None:
        distribution = deal.approve("1700000.00")

        works: list[Callable[[], object]] = [
            *[lambda: payouts.execute(distribution, executor=deal.operator, at=NOW)] * 6,
            *[lambda: sweeps.sweep(at=NOW)] * 2,
            *[lambda: payouts.resume(distribution.pk, at=NOW)] * 2,
        ]

        results = at_once(works)

        assert refused(results) == 5
        payments = Transaction.objects.filter(distribution=distribution)
        assert sorted(payment.amount for payment in payments) == [140_000, 312_000, 468_000, 780_000]
        deal.escrow.refresh_from_db()
        assert deal.escrow.available_balance == 0
        assert deal.escrow.pending_balance == 1_700_000

    def test_workers_share_the_payees(self, deal: Deal, monkeypatch: pytest.MonkeyPatch) -> None:
        """Caught: chunks that do not lock their allocations; two workers then make the same payments and one fails."""
        distribution = deal.approve("1700000.00")
        monkeypatch.setattr(payouts, "CHUNK", 1)
        with monkeypatch.context() as patched:
            patched.setattr(payouts, "PAYERS", 0)
            payouts.hand_over(distribution, executor=deal.operator, at=NOW)

        results = at_once([lambda: payouts.go_on(distribution.pk, at=NOW)] * 6)

        assert sum(one for one in results if isinstance(one, int)) == 4
        payments = Transaction.objects.filter(distribution=distribution)
        assert sorted(payment.amount for payment in payments) == [140_000, 312_000, 468_000, 780_000]
        distribution.refresh_from_db()
        assert (distribution.status, distribution.metadata.get("stopped")) == ("PROCESSING", None)
        assert books.check([deal.escrow.pk]) == []

    def test_a_worker_passes_by_what_another_one_pays(self, deal: Deal) -> None:
        """Caught: chunks that lock the distribution for themselves, or wait for one another's allocations."""
        distribution = deal.approve("1700000.00")
        distribution.refresh_from_db()
        with patch.object(payouts, "resume", return_value=distribution):
            payouts.execute(distribution, executor=deal.operator, at=NOW)
        payouts._begin(distribution.pk)
        taken, done = Event(), Event()

        def hold_one() -> object:
            with transaction.atomic():
                locks.lock_shared(distribution.pk)
                rows = DistributionAllocation.objects.select_for_update(no_key=True).order_by("pk")
                list(rows.filter(distribution=distribution)[:1])
                taken.set()
                assert done.wait(30)
            return None

        def pay_the_others() -> object:
            assert taken.wait(30)
            try:
                return payouts.pay_some(distribution.pk, at=NOW)[0]
            finally:
                done.set()

        assert at_once([hold_one, pay_the_others]) == [None, 3]
        assert payouts.go_on(distribution.pk, at=NOW) == 1

    def test_whoever_wants_the_distribution_for_himself_comes_before_the_next_chunk(self, deal: Deal) -> None:
        """Caught: row locks alone, which let workers share the row for ever while somebody waits for it."""
        distribution = deal.approve("1700000.00")
        order: list[str] = []
        shared, waiting = Event(), Event()

        def hold_shared() -> object:
            with transaction.atomic():
                locks.lock_shared(distribution.pk)
                shared.set()
                assert waiting.wait(30)
                sleep(0.5)
            return None

        def take_for_himself() -> object:
            assert shared.wait(30)
            with transaction.atomic():
                waiting.set()
                locks.lock(distribution.pk)
                order.append("alone")
            return None

        def share_later() -> object:
            assert waiting.wait(30)
            sleep(0.25)
            with transaction.atomic():
                locks.lock_shared(distribution.pk)
                order.append("shared")
            return None

        at_once([hold_shared, take_for_himself, share_later])

        assert order == ["alone", "shared"]

    def test_cancelling_waits_for_no_chunk_and_comes_too_late(self, deal: Deal) -> None:
        distribution = deal.approve("1700000.00")
        works: list[Callable[[], object]] = [
            lambda: payouts.execute(distribution, executor=deal.operator, at=NOW),
            *[lambda: distributions.cancel(distribution, by=deal.approver, reason="Changed our minds", at=NOW)] * 3,
        ]

        results = at_once(works)

        distribution.refresh_from_db()
        number = Transaction.objects.filter(distribution=distribution).count()
        assert (distribution.status, number) in [("PROCESSING", 4), ("CANCELLED", 0)]
        assert refused(results) == 3

    def test_retrying_at_once_pays_once(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        bounce(standing(distribution)[0])
        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=NOW, number="000999999991")

        results = at_once([lambda: payouts.retry_failed(distribution, by=deal.operator, at=NOW) for _ in range(6)])

        assert refused(results) == 5
        payments = Transaction.objects.filter(distribution=distribution, to_user=deal.investors[0])
        assert sorted(payments.values_list("status", flat=True)) == ["CANCELLED", "QUEUED"]

    def test_sweeping_at_once_pays_who_waited_once(self, deal: Deal) -> None:
        [account] = deal.investors[0].bank_accounts.all()
        account.status = account.Status.SUSPENDED
        account.save()
        distribution = deal.execute("1000.00")
        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=NOW, number="000999999991")

        results = at_once([lambda: sweeps.sweep(at=NOW) for _ in range(6)])

        assert results.count(1) == 1
        assert Transaction.objects.filter(distribution=distribution, to_user=deal.investors[0]).count() == 1

    def test_following_at_once_credits_once(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        payments = [factories.play(payment_of(row), at=NOW) for row in standing(distribution)]

        at_once([lambda pk=payment.pk: allocations.follow(pk, at=NOW) for payment in payments * 4])  # type: ignore[misc]

        distribution.refresh_from_db()
        assert distribution.status == Distribution.Status.COMPLETED
        assert deal.investors[0].investments.get().preferred_return_paid == 500


class TestTerms:
    def test_of_two_versions_activated_at_once_one_follows_the_other(self, deal: Deal) -> None:
        """Both begin on the same day: whichever comes second replaces the first, and one is in force."""
        first, second = (_drafted(deal) for _ in range(2))

        results = at_once([_activation(first), _activation(second)])

        assert refused(results) == 0
        versions = WaterfallTerms.objects.filter(offering=deal.offering)
        assert versions.filter(status="ACTIVE").count() == 1
        assert versions.filter(status="SUPERSEDED", superseded_from=EXIT).count() == 2
        assert terms_queries.in_force(deal.offering.pk, EXIT) == versions.get(status="ACTIVE")

    def test_ten_activations_of_one_version_activate_it_once(self, deal: Deal) -> None:
        drafted = _drafted(deal)

        results = at_once([_activation(drafted) for _ in range(10)])

        assert refused(results) == 9
        assert AuditEvent.objects.filter(entity_id=str(drafted.pk), action="terms.activate").count() == 1

    def test_a_change_and_an_activation_leave_what_was_signed(self, deal: Deal) -> None:
        """Either the change comes first and the activation is refused, or the terms stand and the change is."""
        drafted = _drafted(deal)

        def change() -> object:
            return terms.change(drafted, terms=straight_split(), effective_from=EXIT, note="", by=deal.operator, at=NOW)

        results = at_once([_activation(drafted), change])

        drafted.refresh_from_db()
        assert refused(results) == 1
        assert drafted.status == "DRAFT" or drafted.content_hash == terms_queries.content_hash(
            WaterfallTerms.objects.get(pk=drafted.pk)
        )


def _drafted(deal: Deal) -> WaterfallTerms:
    drafted = terms.draft_from_template(
        deal.offering, template="preferred_and_catch_up", effective_from=EXIT, by=deal.operator, at=NOW
    )
    example = factories.example_of("preferred_and_catch_up")
    waterfall_examples.enter(drafted, example=example, by=deal.operator, at=NOW)
    return drafted


def _activation(drafted: WaterfallTerms) -> Callable[[], object]:
    seen = terms_queries.content_hash(drafted)
    person = factories.make_user("Theo Terms", "Approvers", is_staff=True)
    return lambda: terms.activate(drafted, content_hash=seen, approver=person, at=NOW)
