"""An investor's statement of their money in escrow, and the proofs they download."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from escrow import proof_files
from escrow.models import EscrowAccount
from escrow.operations import reconciliations
from escrow.queries import proofs
from realco import signing
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.escrow.money import arrive
from tests.stages import staged

STATEMENT = reverse("portal:statement")


@staged
def other(operator: User) -> User:
    return factories.make_user("Otto Other")


class TestStatement:
    def test_leads_from_what_was_to_what_is(
        self, portal: Client, escrow: EscrowAccount, investor: User, other: User, at: datetime
    ) -> None:
        today = at.date()
        arrive(escrow, investor, "1000", reference="A", at=at, on=today - timedelta(days=20))
        arrive(escrow, investor, "250.50", reference="B", at=at, on=today - timedelta(days=2))
        arrive(escrow, other, "777", reference="C", at=at, on=today - timedelta(days=2))
        page = portal.get(STATEMENT, {"first_day": str(today - timedelta(days=10)), "last_day": str(today)})
        assert page.context["opening"].together == 1000
        assert page.context["closing"].together == page.context["rows"][-1].together
        assert [(row.words, row.arriving, row.cleared) for row in page.context["rows"]] == [
            ("Deposit on its way", 250.5, None),
            ("Deposit cleared, less its fee", -250.5, 250.5),
        ]
        text = page.content.decode()
        assert "$1,250.50" in text
        assert "777" not in text

    def test_begins_ninety_days_ago(self, portal: Client, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        arrive(escrow, investor, "1000", reference="A", at=at, on=banking_date(at) - timedelta(days=60))
        page = portal.get(STATEMENT)
        assert [row.together for row in page.context["rows"]] == [1000, 1000]

    def test_pages_by_key(self, portal: Client, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        for number in range(52):
            arrive(escrow, investor, "1", reference=f"N{number}", at=at, on=banking_date(at))
        first = portal.get(STATEMENT)
        second = portal.get(STATEMENT + first.context["next"])
        assert (len(first.context["rows"]), len(second.context["rows"]), second.context["next"]) == (100, 4, "")
        assert second.context["rows"][-1].together == 52

    def test_is_of_one_offering_or_all(
        self, portal: Client, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        second = factories.make_escrow(
            factories.make_offering(operator=operator, at=at, name="Oak"), operator=operator, at=at
        )
        arrive(escrow, investor, "1000", reference="A", at=at, on=banking_date(at))
        arrive(second, investor, "30", reference="B", at=at, on=banking_date(at))
        period = {"first_day": str(at.date()), "last_day": str(at.date())}
        for account, amount in (("", 1030), (str(escrow.pk), 1000), (str(second.pk), 30)):
            assert portal.get(STATEMENT, {**period, "account_id": account}).context["closing"].together == amount

    @pytest.mark.parametrize(
        "query",
        [
            {"first_day": "2026-03-02", "last_day": "2026-03-01"},
            {"first_day": "soon", "last_day": "2026-03-01"},
            {"first_day": "2026-03-01", "last_day": "2026-03-01", "account_id": "01890000-0000-7000-8000-000000000001"},
        ],
    )
    def test_says_what_is_wrong_with_a_period(self, portal: Client, query: dict[str, str]) -> None:
        page = portal.get(STATEMENT, query)
        assert page.status_code == 200
        assert page.context["form"].errors
        assert "rows" not in page.context


class TestProofs:
    @staged
    def proven(self, escrow: EscrowAccount, investor: User, other: User, operator: User, at: datetime) -> EscrowAccount:
        for person, amount in ((investor, "1000.10"), (other, "2000")):
            arrive(escrow, person, amount, reference=person.full_name, at=at, on=banking_date(at))
        reconciliations.reconcile(escrow, as_of=at.date() - timedelta(days=2), by=operator, at=at)
        return escrow

    def test_downloads_a_file_that_checks_out(self, portal: Client, proven: EscrowAccount, investor: User) -> None:
        page = portal.get(reverse("portal:proofs"))
        [snapshot] = page.context["snapshots"]
        answer = portal.get(reverse("portal:proof", args=[snapshot.pk]))
        assert answer["Content-Disposition"].startswith(f'attachment; filename="proof-{proven.account_number}-')
        assert "no-store" in answer["Cache-Control"]
        proof = proof_files.read(answer.content)
        proof_files.verify(proof, signing.public_keys())
        assert (proof.investor_id, proof.balances.by_kind["INVESTOR"]) == (str(investor.pk), 100010)

    def test_are_each_investors_own(
        self, portal: Client, proven: EscrowAccount, sign_in: Callable[[User], Client], other: User
    ) -> None:
        snapshot = proofs.latest(proven)
        assert snapshot is not None
        address = reverse("portal:proof", args=[snapshot.pk])
        mine, theirs = portal.get(address).content, sign_in(other).get(address).content
        assert proof_files.read(mine).investor_id != proof_files.read(theirs).investor_id
        assert str(other.pk) not in mine.decode()
        stranger = sign_in(factories.make_user("Nora Nobody"))
        assert stranger.get(address).status_code == 404
        assert "There is no proof yet" in stranger.get(reverse("portal:proofs")).content.decode()

    def test_need_a_signed_in_person(self, client: Client, proven: EscrowAccount) -> None:
        snapshot = proofs.latest(proven)
        assert snapshot is not None
        for address in (STATEMENT, reverse("portal:proofs"), reverse("portal:proof", args=[snapshot.pk])):
            assert client.get(address).status_code == 302
