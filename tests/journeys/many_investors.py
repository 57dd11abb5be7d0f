"""
An offering with thousands of investors whose money has arrived, written set by set.

The same rows and journal entries that the operations make one by one, in the same statuses through the same
transitions (the database's guards see to that), and the sandbox bank's own books beside them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from compliance.models import CheckStatus, InvestorProfile
from distributions.models import CapitalCallItem, CapitalCallPayment
from distributions.queries import capital_calls as queries
from escrow.models import EscrowAccount, Investment
from escrow.operations import ledger
from finance import entries
from finance.gateways import sandbox
from finance.models import BankAccount, SandboxStatementLine, SandboxTransfer, Transaction, TransactionAttempt
from finance.operations.bank_accounts import fingerprint
from finance.queries import fees
from realco.business_days import banking_date
from realco.identifiers import new_id
from realco.models import User
from tests.factories import ROUTING

BATCH = 1000
ON_THE_WAY = ("QUEUED", "PROCESSING", "PENDING_SETTLEMENT", "SETTLED")


def usual(index: int) -> str:
    """A bank account that takes everything."""
    return f"77{index:08d}"


def join(
    escrow: EscrowAccount,
    number: int,
    *,
    verifier: User,
    at: datetime,
    mark: str = "",
    account_of: Callable[[int], str] = usual,
) -> list[User]:
    """Investors with an identity and a verified bank account each; ``mark`` tells them from an earlier lot."""
    people = User.objects.bulk_create(
        [
            User(
                id=new_id(),
                email=f"investor.{index}{mark}@many.example",
                full_name=f"Investor {index:05d}",
                password="!",
            )
            for index in range(number)
        ],
        batch_size=BATCH,
    )
    InvestorProfile.objects.bulk_create(
        [
            InvestorProfile(
                user=person, legal_name=person.full_name, kyc_status=CheckStatus.PASSED, kyc_checked_at=at,
                kyc_expires_at=at + timedelta(days=4000), is_accredited=True,
            )
            for person in people
        ],
        batch_size=BATCH,
    )  # fmt: skip
    accounts = [
        BankAccount(
            id=new_id(), user=person, holder_name=person.full_name, bank_name="Many Bank", added_by=person,
            account_number=account_of(index), routing_number=ROUTING, last_four=account_of(index)[-4:],
            fingerprint=fingerprint(ROUTING, account_of(index)), created_at=at,
        )
        for index, person in enumerate(people)
    ]  # fmt: skip
    BankAccount.objects.bulk_create(accounts, batch_size=BATCH)
    BankAccount.objects.filter(user__in=people).update(status="VERIFIED", verified_at=at, verified_by=verifier)
    return people


def pay_in(
    escrow: EscrowAccount, people: Sequence[User], *, uncleared: int, settled_at: datetime, clears_at: datetime
) -> list[Transaction]:
    """One ACH deposit of each, arrived; all but the last ``uncleared`` have cleared, and those do nine days later."""
    amounts = [Decimal(500 + 137 * (index % 40)) + Decimal("0.37") for index in range(len(people))]
    prices = {amount: fees.quote("DEPOSIT", "ACH", amount, on=banking_date(settled_at)) for amount in set(amounts)}
    accounts = {account.user_id: account for account in BankAccount.objects.filter(user__in=people)}
    deposits = [
        Transaction(
            id=new_id(), type="DEPOSIT", payment_method="ACH", amount=amount, fee_amount=prices[amount].fee_amount,
            net_amount=prices[amount].net_amount, from_user=person, from_bank_account=accounts[person.pk],
            offering_id=escrow.offering_id, escrow_account=escrow, idempotency_key=f"many:{person.pk}",
            request_hash="0" * 64, initiated_by=person, created_at=settled_at,
        )
        for person, amount in zip(people, amounts, strict=True)
    ]  # fmt: skip
    Transaction.objects.bulk_create(deposits, batch_size=BATCH)
    Investment.objects.bulk_create(
        [
            Investment(investor=person, offering_id=escrow.offering_id, investment_amount=amount)
            for person, amount in zip(people, amounts, strict=True)
        ],
        batch_size=BATCH,
    )
    cleared = deposits[: len(deposits) - uncleared]
    _tell_the_bank(escrow, deposits, at=settled_at)
    _settle(deposits, cleared, settled_at=settled_at, clears_at=clears_at)
    _post(deposits, cleared, settled_at=settled_at, clears_at=clears_at)
    Transaction.objects.filter(pk__in=[payment.pk for payment in cleared]).update(
        status="COMPLETED", completed_at=clears_at
    )
    return deposits


def pay_calls(
    escrow: EscrowAccount, items: Sequence[CapitalCallItem], *, settled_at: datetime, clears_at: datetime
) -> list[Transaction]:
    """One ACH payment of each item of a call, of which what was called is left after the fee; all have cleared."""
    accounts = {row.user_id: row for row in BankAccount.objects.filter(user__in=[one.investor_id for one in items])}
    on = banking_date(settled_at)
    net = {one.pk: one.amount + one.premium_amount for one in items}
    gross = {amount: queries.gross_of(amount, method="ACH", on=on) for amount in set(net.values())}
    made = [
        Transaction(
            id=new_id(), type="CAPITAL_CALL", payment_method="ACH", amount=gross[net[one.pk]],
            fee_amount=gross[net[one.pk]] - net[one.pk], net_amount=net[one.pk], from_user_id=one.investor_id,
            from_bank_account=accounts[one.investor_id], offering_id=escrow.offering_id, escrow_account=escrow,
            idempotency_key=f"called:{one.pk}", request_hash="0" * 64, initiated_by_id=one.investor_id,
            created_at=settled_at,
        )
        for one in items
    ]  # fmt: skip
    Transaction.objects.bulk_create(made, batch_size=BATCH)
    CapitalCallPayment.objects.bulk_create(
        [
            CapitalCallPayment(item=one, transaction=payment, created_at=settled_at)
            for one, payment in zip(items, made, strict=True)
        ],
        batch_size=BATCH,
    )
    _tell_the_bank(escrow, made, at=settled_at)
    _settle(made, made, settled_at=settled_at, clears_at=clears_at)
    _post(made, made, settled_at=settled_at, clears_at=clears_at)
    Transaction.objects.filter(pk__in=[payment.pk for payment in made]).update(
        status="COMPLETED", completed_at=clears_at
    )
    return made


def _post(
    deposits: Sequence[Transaction], cleared: Sequence[Transaction], *, settled_at: datetime, clears_at: datetime
) -> None:
    on = banking_date(settled_at)
    zero = Decimal("0.00")
    for start in range(0, len(deposits), BATCH):
        with transaction.atomic():
            batch = deposits[start : start + BATCH]
            named = [(payment, sandbox.reference_of(payment.attempt_key)) for payment in batch]
            ledger.post([entries.accepted(p, bank_reference=name, on=on) for p, name in named], by=None, at=settled_at)
            ledger.post([entries.settled(p, bank_reference=name, on=on) for p, name in named], by=None, at=settled_at)
            done = cleared[start : start + BATCH]
            ledger.post(
                [entries.cleared(p, owed=zero, on=banking_date(clears_at)) for p in done], by=None, at=clears_at
            )


def _settle(
    deposits: Sequence[Transaction], cleared: Sequence[Transaction], *, settled_at: datetime, clears_at: datetime
) -> None:
    columns: dict[str, dict[str, object]] = {
        "PROCESSING": {"processed_at": settled_at},
        "SETTLED": {"settled_at": settled_at},
    }
    late = [payment.pk for payment in deposits[len(cleared) :]]
    Transaction.objects.filter(pk__in=late).update(clears_on=banking_date(clears_at + timedelta(days=9)))
    early = [payment.pk for payment in cleared]
    Transaction.objects.filter(pk__in=early).update(clears_on=banking_date(clears_at))
    for status in ON_THE_WAY:
        Transaction.objects.filter(pk__in=[*early, *late]).update(status=status, **columns.get(status, {}))


def _tell_the_bank(escrow: EscrowAccount, deposits: Sequence[Transaction], *, at: datetime) -> None:
    on = banking_date(at)
    TransactionAttempt.objects.bulk_create(
        [
            TransactionAttempt(
                payment=payment, number=0, provider="sandbox", idempotency_key=payment.attempt_key, outcome="SETTLED",
                provider_reference=sandbox.reference_of(payment.attempt_key), sent_at=at, answered_at=at,
            )
            for payment in deposits
        ],
        batch_size=BATCH,
    )  # fmt: skip
    SandboxTransfer.objects.bulk_create(
        [
            SandboxTransfer(
                idempotency_key=payment.attempt_key, request_hash="0" * 64, method="ACH", amount=payment.amount,
                reference=sandbox.reference_of(payment.attempt_key), external_account_id=escrow.external_account_id,
                state="SETTLED", settled_date=on, created_at=at,
            )
            for payment in deposits
        ],
        batch_size=BATCH,
    )  # fmt: skip
    SandboxStatementLine.objects.bulk_create(
        [
            SandboxStatementLine(
                external_account_id=escrow.external_account_id, value_date=on, amount=payment.amount,
                type_code="142", reference=sandbox.reference_of(payment.attempt_key), text="ACH CREDIT", created_at=at,
            )
            for payment in deposits
        ],
        batch_size=BATCH,
    )  # fmt: skip
