"""Bank accounts: whose they are, who may accept them, and what a bank's return does to them."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.models import ComplianceCheck, InvestorProfile
from escrow.models import EscrowAccount
from finance import return_codes
from finance.models import BankAccount, Transaction
from finance.operations import bank_accounts, settlements, transactions
from finance.operations.bank_accounts import (
    BankAccountAdder,
    BankAccountKnown,
    BankAccountStateForbids,
    MalformedNumber,
)
from finance.operations.orders import BankAccountNotUsable, Order
from realco.errors import NotPermitted
from realco.models import User
from realco.money import parse
from tests import factories

pytestmark = pytest.mark.django_db
Add = Callable[..., BankAccount]


@pytest.fixture
def add(investor: User, at: datetime) -> Add:
    def add(**given: object) -> BankAccount:
        contents: dict[str, object] = {
            "account_number": "1234567890",
            "routing_number": factories.ROUTING,
            "holder_name": "Ivy Investor",
            "by": investor,
            "at": at,
        }
        return bank_accounts.add(investor, **{**contents, **given})  # type: ignore[arg-type]

    return add


@pytest.fixture
def account(investor: User) -> BankAccount:
    """The investor's verified bank account."""
    return investor.bank_accounts.get()


class TestAdd:
    def test_waits_for_verification_and_keeps_four_digits_in_clear(self, add: Add) -> None:
        account = add(account_number=" 1234-5678 90 ")
        assert (account.status, account.last_four, account.account_number) == (
            "PENDING_VERIFICATION",
            "7890",
            "1234567890",
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"routing_number": "110000001"},
            {"routing_number": "11000000"},
            {"routing_number": ""},
            {"routing_number": "１１０００００００"},
            {"account_number": "123"},
            {"account_number": "1" * 18},
            {"account_number": "12345678x"},
            {"account_number": "١٢٣٤٥٦٧٨"},
            {"holder_name": "  "},
            {"kind": "OFFSHORE"},
        ],
    )
    def test_refuses_what_cannot_be_an_account(self, add: Add, wrong: dict[str, str]) -> None:
        with pytest.raises(MalformedNumber):
            add(**wrong)
        assert BankAccount.objects.count() == 1

    @pytest.mark.parametrize(
        ("number", "is_one"), [("021000021", True), ("011401533", True), ("021000022", False), ("02100002a", False)]
    )
    def test_knows_the_aba_check_digit(self, number: str, is_one: bool) -> None:
        assert bank_accounts.is_routing_number(number) is is_one

    def test_refuses_the_same_account_twice_however_it_is_written(self, add: Add) -> None:
        add()
        with pytest.raises(BankAccountKnown):
            add(account_number="1234 567890")

    def test_a_closed_account_may_be_added_again(self, add: Add, investor: User, at: datetime) -> None:
        bank_accounts.close(add(), by=investor, reason="Moved", at=at)
        assert add().status == "PENDING_VERIFICATION"

    def test_two_people_may_share_one(self, add: Add, operator: User, at: datetime) -> None:
        add()
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        bank_accounts.add(
            other,
            account_number="1234567890",
            routing_number=factories.ROUTING,
            holder_name="Otto and Ivy",
            by=other,
            at=at,
        )
        assert BankAccount.objects.filter(last_four="7890").count() == 2

    def test_is_for_its_owner_or_for_staff(self, add: Add, operator: User, approver: User, at: datetime) -> None:
        stranger = factories.make_user("Steve Stranger")
        for person in (stranger, approver):
            with pytest.raises(NotPermitted):
                add(by=person)
        assert add(by=operator).status == "PENDING_VERIFICATION"


class TestVerify:
    def test_needs_the_permission(self, add: Add, approver: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            bank_accounts.verify(add(), by=approver, at=at)

    def test_nobody_verifies_their_own(self, add: Add, investor: User, operator: User, at: datetime) -> None:
        own = factories.make_user("Ozzy Operator", "Operations", is_staff=True)
        account = bank_accounts.add(
            own, account_number="1234567890", routing_number=factories.ROUTING, holder_name="Ozzy", by=own, at=at
        )
        with pytest.raises(NotPermitted, match="their own"):
            bank_accounts.verify(account, by=own, at=at)
        assert bank_accounts.verify(account, by=operator, at=at).status == "VERIFIED"

    def test_nobody_verifies_their_own_organizations(self, escrow: EscrowAccount, at: datetime) -> None:
        owner = escrow.offering.organization.owner
        owner.groups.add(factories.make_group("Operations"))
        owner = User.objects.get(pk=owner.pk)
        account = bank_accounts.add(
            escrow.offering.organization,
            account_number="1234567890",
            routing_number=factories.ROUTING,
            holder_name="Elm",
            by=owner,
            at=at,
        )
        with pytest.raises(NotPermitted, match="their own"):
            bank_accounts.verify(account, by=owner, at=at)

    def test_is_done_by_another_person_than_added_it(
        self, add: Add, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        account = add(by=operator)
        with pytest.raises(BankAccountAdder, match="another person"):
            bank_accounts.verify(account, by=operator, at=at)
        account = bank_accounts.verify(account, by=compliance_officer, at=at)
        assert (account.status, account.added_by, account.verified_by) == ("VERIFIED", operator, compliance_officer)

    def test_of_a_suspended_one_is_not_the_adders_either(
        self, add: Add, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        account = bank_accounts.verify(add(by=operator), by=compliance_officer, at=at)
        account = bank_accounts.suspend(account, by=operator, reason="Odd", at=at)
        with pytest.raises(BankAccountAdder):
            bank_accounts.verify(account, by=operator, at=at)

    def test_lifts_a_suspension(self, account: BankAccount, operator: User, at: datetime) -> None:
        bank_accounts.suspend(account, by=operator, reason="Odd", at=at)
        assert bank_accounts.verify(account, by=operator, reason="Explained", at=at).status == "VERIFIED"

    def test_refuses_a_verified_and_a_closed_account(self, account: BankAccount, operator: User, at: datetime) -> None:
        with pytest.raises(BankAccountStateForbids):
            bank_accounts.verify(account, by=operator, at=at)
        bank_accounts.close(account, by=operator, reason="Gone", at=at)
        for step in (bank_accounts.suspend, bank_accounts.close):
            with pytest.raises(BankAccountStateForbids):
                step(account, by=operator, reason="Again", at=at)

    def test_owners_close_but_do_not_suspend_their_own(
        self, account: BankAccount, investor: User, at: datetime
    ) -> None:
        with pytest.raises(NotPermitted):
            bank_accounts.suspend(account, by=investor, reason="Odd", at=at)
        assert bank_accounts.close(account, by=investor, reason="Moved", at=at).status == "CLOSED"


class TestReturns:
    """What each return code means for the account and its owner (SYSTEM section 3)."""

    @pytest.fixture
    def bounce(self, escrow: EscrowAccount, investor: User, at: datetime) -> Callable[[str], Transaction]:
        """A deposit that comes back with a code before it settles."""

        def bounce(code: str) -> Transaction:
            payment = factories.play(
                factories.deposit(escrow, investor, "1000.00", at=at), at=at, until="PENDING_SETTLEMENT"
            )
            settlements.record_failed(payment.attempt_key, code=code, message="", effective_date=at.date(), at=at)
            return payment

        return bounce

    @pytest.mark.parametrize("code", ["R02", "R03", "R04", "R13", "R20", "R28"])
    def test_blocks_the_bank_account(
        self,
        bounce: Callable[[str], Transaction],
        escrow: EscrowAccount,
        investor: User,
        account: BankAccount,
        at: datetime,
        code: str,
    ) -> None:
        bounce(code)
        account.refresh_from_db()
        assert (account.status, account.status_reason.split(":")[0]) == ("SUSPENDED", code)
        assert not InvestorProfile.objects.get(user=investor).is_restricted
        with pytest.raises(BankAccountNotUsable, match=code):
            factories.deposit(escrow, investor, "1000.00", at=at)

    @pytest.mark.parametrize("code", ["R07", "R08"])
    def test_revokes_the_authorisation_to_debit_but_not_to_pay_out(
        self,
        bounce: Callable[[str], Transaction],
        escrow: EscrowAccount,
        investor: User,
        account: BankAccount,
        at: datetime,
        code: str,
    ) -> None:
        bounce(code)
        account.refresh_from_db()
        assert (account.status, account.authorization_revoked_at) == ("VERIFIED", at)
        with pytest.raises(BankAccountNotUsable, match="revoked"):
            factories.deposit(escrow, investor, "1000.00", at=at)
        factories.play(factories.deposit(escrow, investor, "1000.00", at=at, method="WIRE"), at=at)
        order = Order(
            type="WITHDRAWAL",
            payment_method="ACH",
            amount=parse("100.00"),
            escrow_account_id=escrow.pk,
            to_user_id=investor.pk,
            to_bank_account_id=account.pk,
        )
        assert transactions.initiate(order, initiator=investor, idempotency_key="out", at=at).status == "QUEUED"

    @pytest.mark.parametrize("code", ["R05", "R10", "R11", "R16", "R29", "R51"])
    def test_restricts_the_investor_and_opens_one_case(
        self, bounce: Callable[[str], Transaction], investor: User, account: BankAccount, code: str
    ) -> None:
        payment = bounce(code)
        account.refresh_from_db()
        assert account.status == "VERIFIED"
        assert code in InvestorProfile.objects.get(user=investor).restriction_reason
        case = ComplianceCheck.objects.get(status="MANUAL_REVIEW")
        assert (case.payment_id, case.subject, case.check_type) == (payment.pk, investor, "AML")

    @pytest.mark.parametrize("code", ["R01", "R09", "R14", "R99"])
    def test_leaves_account_and_investor_as_they_are(
        self, bounce: Callable[[str], Transaction], investor: User, account: BankAccount, code: str
    ) -> None:
        bounce(code)
        account.refresh_from_db()
        assert account.status == "VERIFIED"
        assert not InvestorProfile.objects.get(user=investor).is_restricted

    def test_every_code_of_the_rule_has_its_words(self) -> None:
        rules = (
            return_codes.REPRESENTABLE
            | return_codes.BLOCKS_BANK_ACCOUNT
            | return_codes.REVOKES_AUTHORIZATION
            | return_codes.HOLDS_INVESTOR
            | return_codes.LEGAL_HOLD
            | return_codes.TECHNICAL
        )
        assert rules <= set(return_codes.MEANINGS)


class TestTheDatabase:
    @pytest.mark.parametrize(
        "change",
        [
            "status = 'PENDING_VERIFICATION'",
            "status = 'STRANGE'",
            "user_id = NULL",
            "last_four = '12a4'",
            "last_four = '9999'",
            "fingerprint = 'x'",
            "kind = 'OFFSHORE'",
        ],
    )
    def test_refuses_an_update(self, account: BankAccount, change: str) -> None:
        with pytest.raises(DatabaseError, match=r"bank_accounts"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE bank_accounts SET {change} WHERE id = %s", [account.pk])

    def test_refuses_to_delete(self, account: BankAccount) -> None:
        with pytest.raises(DatabaseError, match="kept as they are"), transaction.atomic():
            account.delete()

    def test_keeps_numbers_unreadable(self, add: Add) -> None:
        pk = add().pk
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(b)::text FROM bank_accounts b WHERE id = %s", [pk])
            [text] = cursor.fetchone()
        assert "1234567890" not in text
        assert factories.ROUTING not in text
