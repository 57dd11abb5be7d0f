"""Offerings in the portal: who sees which, and investing with the fee shown first."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from distributions.operations import investor_classes, terms
from distributions.templates import straight_split
from distributions.terms import BetweenClasses, ClassedTerms, InvestorClass
from escrow.models import EscrowAccount, Investment
from escrow.operations import early_closings, escrow_accounts, investments
from finance.models import BankAccount, Transaction
from finance.operations import bank_accounts
from realco.business_days import banking_date
from realco.models import Offering, User
from realco.templatetags import figures
from tests import factories

EXAMPLE_OF_CLASSES = {
    "source": "Section 6.4", "on": "2025-12-31", "amount": "1000.00",
    "contributions": [["Sen", "2023-01-01", "500", "Senior"], ["Com", "2023-01-01", "500", "Common"]],
    "expected": [["Sen", "500"], ["Com", "500"]], "sponsor": "0",
}  # fmt: skip
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def invest_url(offering: Offering, escrow: EscrowAccount) -> str:
    return reverse("portal:invest", kwargs={"slug": offering.slug})


@pytest.fixture
def form(investor_bank: BankAccount) -> dict[str, str]:
    """What an investor fills in, on the page that follows the review."""
    return {
        "step": "confirm",
        "amount": "10,000.00",
        "payment_method": "ACH",
        "bank_account": str(investor_bank.pk),
        "idempotency_key": KEY,
    }


class TestTerms:
    def page(self, portal: Client, offering: Offering) -> str:
        return portal.get(reverse("portal:offering", kwargs={"slug": offering.slug})).text

    def test_in_force_are_read_in_words(self, portal: Client, offering: Offering, operator: User, at: datetime) -> None:
        factories.make_terms(offering, effective_from=banking_date(at), by=operator, at=at)

        page = self.page(portal, offering)

        assert "50% to the sponsor, 50% to investors, until the sponsor has had 20% of all profit." in page
        assert "in force since" in page

    def test_that_are_a_draft_are_nobodys_to_read(
        self, portal: Client, offering: Offering, operator: User, at: datetime
    ) -> None:
        factories.make_terms(offering, effective_from=banking_date(at), by=operator, at=at)
        terms.draft_from_template(
            offering, template="three_hurdle_promote", effective_from=banking_date(at), by=operator, at=at
        )

        assert "IRR" not in self.page(portal, offering)

    def test_that_are_coming_say_when(self, portal: Client, offering: Offering, operator: User, at: datetime) -> None:
        factories.make_terms(offering, effective_from=(at + timedelta(days=30)).date(), by=operator, at=at)

        assert "in force from" in self.page(portal, offering)

    def test_with_classes_name_ones_own(
        self, portal: Client, offering: Offering, investor: User, operator: User, at: datetime
    ) -> None:
        made = ClassedTerms(
            (InvestorClass("Senior", straight_split(Decimal("0.1"))), InvestorClass("Common", straight_split())),
            BetweenClasses.SENIOR,
        )
        drafted = terms.draft(offering, terms=made, effective_from=banking_date(at), by=operator, at=at)
        factories.activate_terms(drafted, example=EXAMPLE_OF_CLASSES, by=operator, at=at)
        stake = investments.commit(offering, investor=investor, amount=Decimal("2000"), by=investor, at=at)
        investor_classes.assign(offering, classes={stake.pk: "Common"}, reason="Schedule A", by=operator, at=at)

        page = self.page(portal, offering)

        assert "Your investment is of class <strong>Common</strong>" in page
        assert page.index("Class Senior") < page.index("Class Common")


class TestEarlyClosings:
    def test_are_announced_to_investors_with_the_end_of_their_right_to_cancel(
        self, portal: Client, investor: User, operator: User, at: datetime
    ) -> None:
        row = factories.make_offering(operator=operator, at=at, exemption=Offering.Exemption.REG_CF)
        escrow = factories.make_escrow(row, operator=operator, at=at)
        investments.commit(row, investor=investor, amount=Decimal("2000"), by=investor, at=at)
        address = reverse("portal:offering", kwargs={"slug": row.slug})
        before = portal.get(address)
        closes_at = at + timedelta(days=40)
        early_closings.announce(escrow, closes_at=closes_at, by=operator, at=at)

        page = portal.get(address)

        assert "It closes early" not in before.text
        assert before.context["cancellable_until"] == row.deadline_at - timedelta(hours=48)
        assert f"It closes early, on {figures.day_and_time(closes_at)} UTC" in page.text
        assert page.context["cancellable_until"] == closes_at - timedelta(hours=48)
        assert "You may cancel until" in page.text


class TestOfferings:
    def test_lists_what_is_open_with_its_figures(self, portal: Client, offering: Offering) -> None:
        page = portal.get(reverse("portal:offerings"))

        assert page.status_code == 200
        assert offering.name in page.text
        assert "$5,000,000.00" in portal.get(reverse("portal:offering", kwargs={"slug": offering.slug})).text

    def test_hides_drafts(self, portal: Client, offering: Offering, at: datetime) -> None:
        draft = Offering(
            organization=offering.organization,
            name="Secret Tower",
            slug="secret-tower",
            minimum_amount=Decimal("1.00"),
            maximum_amount=Decimal("2.00"),
            minimum_investment=Decimal("1.00"),
            deadline_at=at + timedelta(days=9),
        )
        draft.save()

        assert "Secret Tower" not in portal.get(reverse("portal:offerings")).text
        assert portal.get(reverse("portal:offering", kwargs={"slug": "secret-tower"})).status_code == 404
        assert portal.get(reverse("portal:invest", kwargs={"slug": "secret-tower"})).status_code == 404

    def test_says_what_to_do_when_there_is_none(self, portal: Client) -> None:
        assert "No offering is open" in portal.get(reverse("portal:offerings")).text


class TestQuote:
    def test_shows_fee_and_net_of_the_worked_example(self, portal: Client, offering: Offering) -> None:
        url = reverse("portal:quote", kwargs={"slug": offering.slug})

        page = portal.get(url, {"amount": "10000", "payment_method": "ACH"}).text

        assert "$50.80" in page
        assert "$9,949.20" in page
        assert "<html" not in page

    def test_has_no_answer_for_what_is_no_amount(self, portal: Client, offering: Offering) -> None:
        url = reverse("portal:quote", kwargs={"slug": offering.slug})

        page = portal.get(url, {"amount": "1.234,50", "payment_method": "ACH"})

        assert page.status_code == 200
        assert "is not an amount" in page.text


class TestInvest:
    def test_carries_a_new_key_in_every_form(self, portal: Client, invest_url: str) -> None:
        pattern = r'name="idempotency_key" value="([0-9a-f]{32})"'

        first, second = (re.search(pattern, portal.get(invest_url).text) for _ in range(2))

        assert first and second
        assert first.group(1) != second.group(1)

    def test_reviews_before_anything_is_made(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        page = portal.post(invest_url, {**form, "step": "review"})

        assert page.status_code == 200
        assert "Nothing has been sent yet" in page.text
        assert "$50.80" in page.text
        assert "$9,949.20" in page.text
        assert not Transaction.objects.exists()

    def test_pays_and_shows_the_payment(
        self, portal: Client, invest_url: str, form: dict[str, str], investor: User
    ) -> None:
        page = portal.post(invest_url, form, follow=True)

        payment = Transaction.objects.get()
        assert page.redirect_chain[-1][0] == reverse("portal:transaction", kwargs={"payment_id": payment.pk})
        assert (payment.from_user, payment.amount, payment.net_amount) == (
            investor,
            Decimal("10000.00"),
            Decimal("9949.20"),
        )
        assert Investment.objects.get(investor=investor).investment_amount == Decimal("10000.00")

    def test_pays_once_when_it_is_sent_twice(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        first = portal.post(invest_url, form)
        second = portal.post(invest_url, form)

        assert Transaction.objects.count() == 1
        assert first["Location"] == second["Location"]

    def test_refuses_another_payment_under_the_same_key(
        self, portal: Client, invest_url: str, form: dict[str, str]
    ) -> None:
        portal.post(invest_url, form)

        page = portal.post(invest_url, {**form, "amount": "20000"})

        assert page.status_code == 422
        assert "Load the page anew" in page.text
        assert Transaction.objects.count() == 1

    def test_goes_back_to_change_something(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        page = portal.post(invest_url, {**form, "step": "edit"})

        assert page.status_code == 200
        assert 'value="10,000.00"' in page.text
        assert KEY in page.text
        assert not Transaction.objects.exists()

    def test_takes_a_wire_without_a_bank_account(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        portal.post(invest_url, {**form, "payment_method": "WIRE", "bank_account": ""})

        payment = Transaction.objects.get()
        assert (payment.payment_method, payment.from_bank_account) == ("WIRE", None)


class TestBadInput:
    """Every refusal in words at its field or above the form, with 422, and the database as it was."""

    @pytest.fixture(autouse=True)
    def _nothing_is_made(self, db: None) -> object:
        yield
        assert not Transaction.objects.exists()
        assert not Investment.objects.exists()

    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ("", "Enter the amount"),
            ("0", "more than zero"),
            ("0.00", "more than zero"),
            ("-5", "more than zero"),
            ("(250.00)", "more than zero"),
            ("10.005", "more than two decimals"),
            ("NaN", "is not an amount"),
            ("Infinity", "is not an amount"),
            ("1e20", "is not an amount"),
            ("1.234,50", "is not an amount"),
            ("99999999999999999999", "too large"),
            ("1000 EUR", "is not an amount"),
            ("٣٤", "is not an amount"),
        ],
    )
    @pytest.mark.parametrize("step", ["review", "confirm"])
    def test_refuses_what_is_no_amount(
        self, portal: Client, invest_url: str, form: dict[str, str], amount: str, words: str, step: str
    ) -> None:
        page = portal.post(invest_url, {**form, "amount": amount, "step": step})

        assert page.status_code == 422
        assert words in page.text
        assert 'aria-invalid="true"' in page.text

    def test_refuses_somebody_elses_bank_account(
        self, portal: Client, invest_url: str, form: dict[str, str], operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Olaf Other", verifier=operator, at=at)
        theirs = BankAccount.objects.get(user=other)

        page = portal.post(invest_url, {**form, "bank_account": str(theirs.pk)})

        assert page.status_code == 422
        assert "one of your own verified bank accounts" in page.text
        assert theirs.last_four not in page.text or theirs.last_four == factories.GOOD_ACCOUNT[-4:]

    def test_refuses_an_account_that_is_not_verified(
        self, portal: Client, invest_url: str, form: dict[str, str], investor: User, at: datetime
    ) -> None:
        fresh = bank_accounts.add(
            investor,
            account_number="000987654321",
            routing_number=factories.ROUTING,
            holder_name="Ivy Investor",
            by=investor,
            at=at,
        )

        page = portal.post(invest_url, {**form, "bank_account": str(fresh.pk)})

        assert page.status_code == 422
        assert "one of your own verified bank accounts" in page.text

    @pytest.mark.parametrize("account", ["not-a-uuid", "01900000-0000-7000-8000-000000000000"])
    def test_refuses_an_unknown_bank_account(
        self, portal: Client, invest_url: str, form: dict[str, str], account: str
    ) -> None:
        page = portal.post(invest_url, {**form, "bank_account": account})

        assert page.status_code == 422
        assert "one of your own verified bank accounts" in page.text

    def test_refuses_ach_without_an_account(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        page = portal.post(invest_url, {**form, "bank_account": ""})

        assert page.status_code == 422
        assert "that ACH draws the money from" in page.text

    @pytest.mark.parametrize("method", ["", "CREDIT_CARD", "INTERNAL_TRANSFER", "CASH"])
    def test_refuses_a_way_to_pay_that_is_not_offered(
        self, portal: Client, invest_url: str, form: dict[str, str], method: str
    ) -> None:
        page = portal.post(invest_url, {**form, "payment_method": method})

        assert page.status_code == 422
        assert "Choose" in page.text

    @pytest.mark.parametrize("key", ["", "x", "0" * 31, "z" * 32, KEY + "0"])
    def test_refuses_a_stale_form(self, portal: Client, invest_url: str, form: dict[str, str], key: str) -> None:
        page = portal.post(invest_url, {**form, "idempotency_key": key})

        assert page.status_code == 422
        assert "gone stale" in page.text

    def test_refuses_an_amount_that_fees_would_eat(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        page = portal.post(invest_url, {**form, "amount": "26", "payment_method": "WIRE", "step": "review"})

        assert page.status_code == 422
        assert "would take all of it" in page.text

    def test_refuses_less_than_the_offering_takes(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        page = portal.post(invest_url, {**form, "amount": "50"})

        assert page.status_code == 422
        assert "$100.00" in page.text

    def test_refuses_more_than_the_limit(self, portal: Client, invest_url: str, form: dict[str, str]) -> None:
        page = portal.post(invest_url, {**form, "amount": "300000"})

        assert page.status_code == 422
        assert 'role="alert"' in page.text

    def test_refuses_while_escrow_is_frozen(
        self,
        portal: Client,
        invest_url: str,
        form: dict[str, str],
        escrow: EscrowAccount,
        approver: User,
        at: datetime,
    ) -> None:
        escrow_accounts.freeze(escrow, by=approver, reason="A court order.", at=at)

        page = portal.post(invest_url, form)

        assert page.status_code == 422
        assert "frozen" in page.text

    def test_refuses_an_offering_whose_time_is_over(
        self, portal: Client, operator: User, investor_bank: BankAccount, at: datetime
    ) -> None:
        over = factories.make_offering(operator=operator, at=at, deadline_at=at - timedelta(seconds=1))
        factories.make_escrow(over, operator=operator, at=at)
        url = reverse("portal:invest", kwargs={"slug": over.slug})

        page = portal.post(url, {"step": "confirm", "amount": "1000"}, follow=True)

        assert "takes no investments now" in page.text

    def test_refuses_whoever_is_not_signed_in(
        self, invest_url: str, form: dict[str, str], sign_in: Callable[[User], Client]
    ) -> None:
        page = Client().post(invest_url, form)

        assert page.status_code == 302
        assert page["Location"].startswith(reverse("portal:sign_in"))
