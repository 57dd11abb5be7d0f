"""
A program that posts to the ledger as fast as it may, and notes what was acknowledged, and when.

``python -m tests.faults.posting prepare`` makes what there is to post to; ``… load --log FILE`` posts, with
as many clients as it is told, until its time is over or a file named FILE.stop appears. Each attempt is one line of
JSON, written after its transaction ended. A client that is refused or cut off tries the same key again, as a
caller with an idempotency key does, so in the end each key must be there exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5

ACCOUNTS, INVESTORS = 4, 8
AT = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
CENTS = Decimal("0.01")


@dataclass(frozen=True)
class Attempt:
    """One try of one key: when it began (time.time), how long it took, and what came of it."""

    key: str
    began: float
    took: float
    result: str
    words: str = ""

    @property
    def is_acknowledged(self) -> bool:
        return self.result in ("posted", "repeated")


def attempts(log: Path) -> list[Attempt]:
    """Read what a load noted; a line cut off by a kill is none."""
    found = []
    for line in log.read_text().splitlines() if log.exists() else []:
        try:
            found.append(Attempt(**json.loads(line)))
        except ValueError:
            pass
    return found


def prepare() -> None:
    """Make people, offerings and escrow accounts by the operations that make them, with a little cleared money."""
    from tests import factories
    from tests.escrow.money import arrive

    factories.make_reference_data(AT)
    operator = factories.make_user("Olga Operator", "Operations", is_staff=True)
    investors = [factories.make_investor(f"Ida {n}", verifier=operator, at=AT) for n in range(INVESTORS)]
    for number in range(ACCOUNTS):
        offering = factories.make_offering(operator=operator, at=AT, name=f"Fault {number}")
        account = factories.make_escrow(offering, operator=operator, at=AT)
        for investor in investors:
            arrive(account, investor, "1000.00", reference=f"first:{number}:{investor.pk}", at=AT)


class Load:
    """Clients that post to one escrow account, or to all in turn."""

    def __init__(self, options: argparse.Namespace) -> None:
        from compliance.models import InvestorProfile
        from escrow.models import EscrowAccount

        self.log = Path(options.log)
        self.until = time.monotonic() + options.seconds
        self.pause: float = options.pause
        self.prefix: str = options.prefix
        accounts = list(EscrowAccount.objects.order_by("account_number").values_list("pk", flat=True))
        self.accounts: list[UUID] = accounts[:1] if options.hot else accounts
        profiles = InvestorProfile.objects.order_by("pk").filter(user__email__startswith="ida")
        self.investors: list[UUID] = list(profiles.values_list("user_id", flat=True))
        self.file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def goes_on(self) -> bool:
        return time.monotonic() < self.until and not self.log.with_name(f"{self.log.name}.stop").exists()

    def client(self, number: int) -> None:
        """Post one key after the other; give up a key only when time is over."""
        from django.db import connection

        dice, count = random.Random(number), 0
        while self.goes_on():
            count += 1
            key = f"{self.prefix}{number}:{count}"
            account, investor = dice.choice(self.accounts), dice.choice(self.investors)
            amount = Decimal(dice.randrange(1, 100_000)) * CENTS
            while not self.once(key, account, investor, amount) and self.goes_on():
                connection.close()
                time.sleep(0.05)
            time.sleep(self.pause)
        connection.close()

    def once(self, key: str, account: UUID, investor: UUID, amount: Decimal) -> bool:
        """Have two deposits of a key accepted in one transaction, and note what came of it."""
        from django.db import DatabaseError, transaction

        from escrow import postings
        from escrow.operations import ledger
        from finance.models import Transaction

        def accepted(deposit: Transaction) -> postings.Posting:
            subject = postings.Subject(account, deposit.idempotency_key, "DEPOSIT", AT.date(), "", deposit.pk)
            return postings.inbound_accepted(subject, payer_id=investor, amount=amount)

        # The same rows for the same key, whoever tries it again.
        deposits = [
            Transaction(
                pk=uuid5(NAMESPACE_OID, f"{key}:{step}"),
                type="DEPOSIT",
                payment_method="ACH",
                amount=amount,
                net_amount=amount,
                from_user_id=investor,
                escrow_account_id=account,
                idempotency_key=f"{key}:{step}",
                request_hash="0" * 64,
                initiated_by_id=investor,
            )
            for step in ("first", "second")
        ]
        began, clock = time.time(), time.perf_counter()
        words = ""
        try:
            with transaction.atomic():
                Transaction.objects.bulk_create(deposits, ignore_conflicts=True)
                posted = ledger.post([accepted(deposit) for deposit in deposits], by=None, at=datetime.now(UTC))
            result = "posted" if posted[0].was_posted else "repeated"
        except DatabaseError as error:
            result, words = type(error).__name__, str(error).partition("\n")[0]
        except Exception as error:
            # A load that dies of what nobody foresaw would hide it: it is a result like the others.
            result, words = f"unforeseen {type(error).__name__}", str(error)[:300]
        attempt = Attempt(key, began, time.perf_counter() - clock, result, words)
        os.write(self.file, (json.dumps(asdict(attempt)) + "\n").encode())
        return attempt.is_acknowledged


def hold() -> None:
    """Post to the hot account and never commit, as a worker does that hangs while it holds the rows."""
    from django.db import transaction

    from compliance.models import InvestorProfile
    from escrow import postings
    from escrow.models import EscrowAccount
    from escrow.operations import ledger

    account = EscrowAccount.objects.order_by("account_number").first()
    investor = InvestorProfile.objects.order_by("pk").filter(user__email__startswith="ida").first()
    assert account is not None and investor is not None
    subject = postings.Subject(account.pk, "held:given", "FEE", AT.date(), "held")
    wanted = postings.fee_returned(subject, investor_id=investor.user_id, amount=Decimal("1.00"))
    with transaction.atomic():
        ledger.post([wanted], by=None, at=datetime.now(UTC))
        os.write(1, b"holding\n")
        time.sleep(3600)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["prepare", "load", "hold"])
    parser.add_argument("--log", default="")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--prefix", default="k")
    parser.add_argument("--hot", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")
    import django

    django.setup()
    if options.verb != "load":
        {"prepare": prepare, "hold": hold}[options.verb]()
        return
    load = Load(options)
    clients = [threading.Thread(target=load.client, args=(number,)) for number in range(options.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


if __name__ == "__main__":
    main()
