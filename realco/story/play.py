"""
The demo story, played through the same operations that people and workers use.

Deposits by ACH, wire and check with their returns; closing; two draws; a quarter of income; a
distribution with a failed payout that is retried; the bank's own statement, reconciled; the proof.
Each scene checks that the world is as it should be, and the story stops where it is not.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.core.management import CommandError, call_command

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import distributions, payouts
from escrow.models import EscrowAccount, Investment, LedgerAccount, Reconciliation
from escrow.operations import closings, reconciliations, statements
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox_statements
from finance.gateways.sandbox_webhooks import Post
from finance.models import Transaction
from finance.operations import bank_accounts, sandbox, transactions
from finance.operations.orders import Order
from finance.queries import sandbox as sandbox_queries
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from realco.money import format_money
from realco.operations import offerings
from realco.story.cast import ROUTING_NUMBER, Cast, open_offering, pass_checks

Kind = LedgerAccount.Kind
Status = Transaction.Status
INVESTOR_LOGIN = "ivy.ingram@example.com"


class StoryBroken(Exception):
    """Something did not happen as it was written: a defect, or another actor on the same data."""


class Story:
    """One playing of the story; ``say`` takes a line for the person who watches."""

    def __init__(self, folder: Path, *, say: Callable[[str], None], post: Post, statement: Path) -> None:
        self.folder = folder
        self.say = say
        self.post = post
        self.statement = statement
        self.cast = Cast.find()
        self.escrow: EscrowAccount

    def play(self, *, investor_password: str) -> None:
        """Play every scene, in order."""
        self.open()
        self.welcome(investor_password)
        self.subscribe()
        self.close()
        self.draw()
        self.earn()
        self.distribute()
        self.reconcile()

    @contextmanager
    def scene(self, title: str) -> Iterator[None]:
        self.say(f"\n{banking_date(clock.now()):%a %d %b %Y}  {title}")
        yield

    def expect(self, is_so: bool, what: str) -> None:
        """Stop the story unless something is so."""
        if not is_so:
            raise StoryBroken(what)
        self.say(f"  · {what}")

    def pass_days(self, days: int) -> None:
        """Let days pass, the bank work, and our own sweeps with it."""
        for _ in sandbox.advance(days, post=self.post, sweep=tasks.run_sweeps):
            pass

    def pass_until(self, is_over: Callable[[], bool], *, within: int) -> None:
        """Let days pass until something is so; the story stops when it takes longer than it may."""
        for _ in range(within):
            if is_over():
                return
            self.pass_days(1)
        if not is_over():
            raise StoryBroken(f"After {within} days it is still not over.")

    def open(self) -> None:
        with self.scene("An offering opens"):
            self.escrow = open_offering(self.folder / "offering.csv", cast=self.cast, at=clock.now())
            offering = self.escrow.offering
            self.expect(offering.status == "DRAFT" or offering.is_raising, f"{offering}: escrow {self.escrow}")

    def welcome(self, investor_password: str) -> None:
        with self.scene("Forty investors are imported, twice"):
            path = str(self.folder / "investors.csv")
            call_command("import_investors", path, by=self.cast.operator.email)
            call_command("import_investors", path, by=self.cast.operator.email)
            investors = list(User.objects.filter(investor_profile__isnull=False, organizations__isnull=True))
            self.expect(len(investors) == 40, "40 investors, none of them twice")
            for investor in investors:
                pass_checks(investor, cast=self.cast, at=clock.now())
            ivy = User.objects.get(email=INVESTOR_LOGIN)
            ivy.set_password(investor_password)
            ivy.save()

    def subscribe(self) -> None:
        path, operator = str(self.folder / "subscriptions.csv"), self.cast.operator.email
        options = {"by": operator, "offering": self.escrow.offering.slug}
        with self.scene("Their subscriptions are imported"):
            try:
                call_command("import_subscriptions", path, **options)
            except CommandError as error:
                self.say(f"  {error}")
            self.expect(not Transaction.objects.exists(), "A malformed row stops the whole file")
            call_command("import_subscriptions", path, skip_bad=True, **options)
            call_command("import_subscriptions", path, skip_bad=True, **options)
            self.expect(Transaction.objects.count() == 40, "40 deposits, none of them twice")
            waiting = Transaction.objects.filter(status=Status.PENDING_APPROVAL)
            for payment in waiting:
                transactions.approve(payment, approver=self.cast.approver, at=clock.now(), reason="Subscription seen.")
            self.say(f"  · {self.cast.approver} approved those above $50,000")
        with self.scene("The bank collects them"):
            over = [Status.COMPLETED, Status.FAILED, Status.REVERSED, Status.CANCELLED]
            self.pass_until(lambda: not Transaction.objects.exclude(status__in=over).exists(), within=45)
            ended = Counter(Transaction.objects.values_list("status", flat=True))
            again = Transaction.objects.filter(status=Status.COMPLETED, attempts__code="R01").distinct().count()
            self.expect(again == 2, "2 came back R01, were presented again and cleared")
            failed = list(Transaction.objects.filter(status=Status.FAILED).values_list("failure_code", flat=True))
            self.expect(failed == ["R02"], "1 failed with R02; its bank account is suspended")
            returned = list(Transaction.objects.filter(status=Status.REVERSED).values_list("failure_code", flat=True))
            self.expect(returned == ["R10"], "1 was returned with R10 after it had settled; the investor is restricted")
            self.expect(ended[Status.COMPLETED] == 38, "38 cleared")

    def close(self) -> None:
        with self.scene("The offering closes"):
            closing = closings.propose(self.escrow, by=self.cast.operator, at=clock.now())
            for approver in (self.cast.approver, self.cast.second_approver):
                closing = closings.approve(
                    closing, approver=approver, content_hash=closing.content_hash, at=clock.now()
                )
            self.say(f"  · {self.cast.approver} and {self.cast.second_approver} signed the same figures")
            raised = balance(self.escrow.pk, Kind.OFFERING)
            self.expect(raised == closing.total_amount, f"{format_money(raised)} is released to the offering")
            active = Investment.objects.filter(offering=self.escrow.offering, status="ACTIVE").count()
            self.expect(active == 38, "38 investments are active")
            offerings.begin_operating(self.escrow.offering, by=self.cast.operator, at=clock.now())

    def draw(self) -> None:
        with self.scene("The sponsor asks for two construction draws"):
            first = self._ask_draw("180000.00", "Roof and boiler, invoices 1 to 7")
            second = self._ask_draw("95000.00", "Lobby, no invoice yet")
            transactions.approve(first, approver=self.cast.approver, at=clock.now(), reason="Invoices seen.")
            first = transactions.approve(first, approver=self.cast.second_approver, at=clock.now(), reason="Agreed.")
            transactions.approve(second, approver=self.cast.approver, at=clock.now(), reason="Sounds right.")
            second = transactions.reject(
                second, approver=self.cast.second_approver, reason="There is no invoice.", at=clock.now()
            )
            self.expect(second.status == Status.CANCELLED, "The second approver refused one of them")
            self.pass_until(lambda: self._status(first) == Status.COMPLETED, within=15)
            self.expect(balance(self.escrow.pk, Kind.PAYOUTS) == 0, "The other one is paid")

    def _ask_draw(self, amount: str, description: str) -> Transaction:
        sponsor = self.escrow.offering.organization.owner
        order = Order(
            type="CONSTRUCTION_DRAW",
            payment_method="ACH",
            amount=Decimal(amount),
            escrow_account_id=self.escrow.pk,
            to_user_id=sponsor.pk,
            to_bank_account_id=sponsor.bank_accounts.get().pk,
            description=description,
        )
        return transactions.initiate(
            order, initiator=self.cast.operator, idempotency_key=f"draw {description}", at=clock.now()
        )

    @staticmethod
    def _status(payment: Transaction) -> str:
        return Transaction.objects.values_list("status", flat=True).get(pk=payment.pk)

    def earn(self) -> None:
        clock.advance(timedelta(days=75))
        with self.scene("A quarter later, its income is paid in"):
            before = balance(self.escrow.pk, Kind.OFFERING)
            path, slug = str(self.folder / "income.csv"), self.escrow.offering.slug
            call_command("import_income", path, by=self.cast.operator.email, offering=slug)
            income = Transaction.objects.filter(type="ESCROW_DEPOSIT")
            self.pass_until(lambda: not income.exclude(status=Status.COMPLETED).exists(), within=20)
            self.income = balance(self.escrow.pk, Kind.OFFERING) - before
            self.expect(self.income > 0, f"{format_money(self.income)} of income has cleared")

    def distribute(self) -> None:
        at = clock.now()
        with self.scene("It is distributed"):
            distribution = distributions.create(
                self.escrow.offering,
                type="SPECIAL",
                total_amount=self.income,
                as_of_date=banking_date(at),
                description="Net rents of the third quarter",
                creator=self.cast.operator,
                idempotency_key="third-quarter",
                at=at,
            )
            distributions.calculate(distribution, by=self.cast.operator, at=at)
            distribution = distributions.submit(distribution, by=self.cast.operator, at=at)
            distributions.approve(
                distribution,
                approver=self.cast.approver,
                content_hash=distribution.content_hash,
                at=at,
                note="Checked.",
            )
            payouts.execute(distribution, executor=self.cast.operator, at=at)
            done = [Distribution.Status.COMPLETED, Distribution.Status.PARTIALLY_FAILED, Distribution.Status.FAILED]
            self.pass_until(lambda: self._reload(distribution).status in done, within=20)
            failed = DistributionAllocation.objects.filter(distribution=distribution, status="FAILED")
            restricted = failed.filter(investor__investor_profile__restricted_at__isnull=False)
            self.expect(failed.count() - restricted.count() == 1, "One payout failed: the payee's account is closed")
            self._retry(distribution, failed.get())
            self.pass_until(lambda: self._reload(distribution).status == Distribution.Status.COMPLETED, within=20)
            self.expect(balance(self.escrow.pk, Kind.PAYOUTS) == 0, f"{distribution} is paid to every investor")

    @staticmethod
    def _reload(distribution: Distribution) -> Distribution:
        return Distribution.objects.get(pk=distribution.pk)

    def _retry(self, distribution: Distribution, allocation: DistributionAllocation) -> None:
        payee, at = allocation.investor, clock.now()
        account = bank_accounts.add(
            payee,
            account_number="5500123456",
            routing_number=ROUTING_NUMBER,
            holder_name=payee.full_name,
            bank_name="Cascade Credit Union",
            by=payee,
            at=at,
        )
        bank_accounts.verify(account, by=self.cast.compliance, at=at, reason="Voided check seen.")
        payouts.retry_failed(distribution, by=self.cast.operator, at=at, bank_accounts={allocation.pk: account.pk})

    def reconcile(self) -> None:
        at: datetime = clock.now()
        with self.scene("The bank's statement is reconciled"):
            number = self.escrow.external_account_id
            start = sandbox_queries.first_day(number) or banking_date(at)
            self.statement.write_bytes(sandbox_statements.render(number, start=start, end=banking_date(at), at=at))
            data = self.statement.read_bytes()
            added = statements.import_file(data, file_name=self.statement.name, by=self.cast.operator, at=at)
            again = statements.import_file(data, file_name=self.statement.name, by=self.cast.operator, at=at)
            self.expect(bool(added) and not again, f"{self.statement.name} is imported once, however often it comes")
            found = reconciliations.reconcile(self.escrow, as_of=banking_date(at), by=self.cast.operator, at=at)
            for finding in found.findings:
                self.say(f"  ! {finding}")
            self.expect(
                found.result == Reconciliation.Result.BALANCED and not found.unmatched_lines,
                f"{found.matched_lines} lines match, with no difference",
            )
