"""The predecessor's faults, which must not come back: where a release went, fees taken twice, a reconcile that paid."""

from datetime import datetime
from decimal import Decimal

from escrow import books
from escrow.models import EscrowAccount, EscrowLedgerEntry, JournalEntry, LedgerAccount
from escrow.operations import closings, investments, reconciliations, statements
from escrow.queries.balances import balance
from finance.operations import settlements
from realco.models import User
from tests import factories
from tests.escrow.money import TUESDAY, Day, Stated, arrive, statement

Kind = LedgerAccount.Kind
D = Decimal


def balances(escrow: EscrowAccount) -> dict[str, Decimal]:
    return {str(row.pk): row.balance for row in LedgerAccount.objects.filter(escrow_account=escrow)}


class TestARelease:
    def test_credits_the_offering_and_nothing_else(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        """The predecessor credited an expense account, so that released money looked spent."""
        factories.fund(investor, escrow, "2000.00", at=at)
        fees = balance(escrow.pk, Kind.FEES)
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        lines = EscrowLedgerEntry.objects.filter(journal_entry__event="RELEASE").select_related("ledger_account")
        assert {(line.ledger_account.kind, line.amount > 0) for line in lines} == {
            ("INVESTOR", True),
            ("OFFERING", False),
        }
        assert balance(escrow.pk, Kind.FEES) == fees
        escrow.refresh_from_db()
        assert escrow.current_balance == D("2000.00")
        assert balance(escrow.pk, Kind.OFFERING) == D("2000.00") - fees


class TestAFee:
    def test_is_taken_once_however_often_the_money_clears(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        """The predecessor took it when the deposit cleared and again when the offering closed."""
        payment = factories.fund(investor, escrow, "10000.00", at=at)
        assert payment.clears_on is not None
        for _ in range(3):
            settlements.clear(payment.pk, at=payment.completed_at or at)
        assert balance(escrow.pk, Kind.FEES) == payment.fee_amount == D("50.80")
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        assert balance(escrow.pk, Kind.FEES) == D("50.80")
        assert balance(escrow.pk, Kind.OFFERING) == payment.net_amount
        charged = EscrowLedgerEntry.objects.filter(ledger_account__kind=Kind.FEES)
        assert [line.amount for line in charged] == [D("-50.80")]


class TestAReconciliation:
    def test_moves_no_money_whatever_it_finds(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        """The predecessor set balances back to what the deposits said, and released money was there again."""
        factories.make_profile(person := factories.make_user("Ann"), at)
        arrive(escrow, person, "1500", reference="SBX-Ann", at=at)
        investments.commit(escrow.offering, investor=person, amount=D("1500"), by=person, at=at)
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        before, entries = balances(escrow), JournalEntry.objects.count()

        for stated in ([Stated(150000, "SBX-Ann")], [Stated(150000, "SBX-Ann"), Stated(150000, "SBX-Bob")], []):
            data = statement(escrow.external_account_id, Day(TUESDAY, 0, stated))
            statements.import_bai2(data, file_name="a.bai2", by=operator, at=at)
            reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)

        assert balances(escrow) == before
        assert balance(escrow.pk, Kind.INVESTOR, person.pk) == 0
        assert balance(escrow.pk, Kind.OFFERING) == D("1500.00")
        assert JournalEntry.objects.count() == entries
        assert books.check() == []
