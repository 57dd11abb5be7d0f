"""
A process that hangs while it holds the rows of a hot account: time-outs free them, and others are told in words.

Who hangs is stopped with SIGSTOP, so that nothing of ours can clean up after it: only the server can.
"""

import json
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from devtools import processes
from escrow import books
from escrow.models import EscrowAccount
from finance import tasks
from finance.models import Transaction, TransactionWebhook
from realco import clock, patience
from realco.models import User
from tests import factories
from tests.faults import posting, servers
from tests.faults.servers import wait_for
from tests.finance import sandbox_stage as stage

LOCK, IDLE = 1, 4


@pytest.mark.slow
class TestAWorkerStopped:
    @pytest.fixture(scope="class")
    def played(self) -> Iterator["Played"]:
        with servers.own() as server:
            yield Played(server)

    def test_the_fault_really_happened(self, played: "Played") -> None:
        """The holder had the rows, was stopped, and others were kept waiting behind it."""
        assert played.was_stopped
        assert len([a for a in played.attempts if a.began < played.stopped_at and a.is_acknowledged]) >= 20
        kept_out = [a for a in played.attempts if a.began > played.stopped_at and not a.is_acknowledged]
        assert len(kept_out) >= 4

    def test_others_are_refused_within_the_time_for_a_lock(self, played: "Played") -> None:
        refused = [attempt for attempt in played.attempts if not attempt.is_acknowledged]
        assert Counter(attempt.result for attempt in refused).keys() == {"OperationalError"}
        assert {attempt.words for attempt in refused} == {"canceling statement due to lock timeout"}
        assert max(attempt.took for attempt in refused) < LOCK + 2

    def test_the_rows_are_free_again_when_idling_has_been_long_enough(self, played: "Played") -> None:
        after = [a for a in played.attempts if a.is_acknowledged and a.began + a.took > played.stopped_at]
        first = min(attempt.began + attempt.took for attempt in after)
        assert first - played.stopped_at < IDLE + LOCK + 3
        assert len(after) >= 20
        assert "terminating connection due to idle-in-transaction timeout" in played.log

    def test_nothing_of_the_stopped_worker_is_left_and_every_key_is_there_once(self, played: "Played") -> None:
        assert played.holder_status != 0
        assert played.held == 0
        acknowledged = {attempt.key for attempt in played.attempts if attempt.is_acknowledged}
        assert acknowledged <= played.posted.keys()
        assert set(played.posted.values()) == {2}
        assert played.check[0] == 0, played.check[1]


class Played:
    """What happened: clients post to one account, a holder takes it and is stopped, and goes on long after."""

    def __init__(self, server: servers.Server) -> None:
        log = server.folder / "load.jsonl"
        limits = {"DATABASE_LOCK_TIMEOUT": str(LOCK), "DATABASE_IDLE_TIMEOUT": str(IDLE), "REALCO_PROCESS": "worker"}
        load = server.program(
            *("-m", "tests.faults.posting", "load", "--hot", "--log", str(log), "--seconds", "300"),
            output=None,
            variables=limits,
        )
        wait_for(lambda: len(posting.attempts(log)) > 40)
        holder = server.program("-m", "tests.faults.posting", "hold", variables=limits)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holding\n"
        processes.signal_one(holder.pid, signal.SIGSTOP)
        self.stopped_at = time.time()
        self.was_stopped = wait_for(lambda: Path(f"/proc/{holder.pid}/stat").read_text().split()[2] == "T")
        wait_for(lambda: any(a.is_acknowledged and a.began > self.stopped_at + LOCK for a in posting.attempts(log)))
        time.sleep(2)
        Path(f"{log}.stop").touch()
        load.wait(30)
        processes.signal_group(holder.pid, signal.SIGCONT)
        processes.signal_one(holder.pid, signal.SIGTERM)
        self.holder_status = holder.wait(30)
        self.attempts = posting.attempts(log)
        self.log = server.log
        [(self.held,)] = server.ask("SELECT count(*) FROM journal_entries WHERE reference LIKE 'held%'")
        self.posted = Counter(
            reference.rpartition(":")[0]
            for (reference,) in server.ask("SELECT reference FROM journal_entries WHERE reference LIKE 'k%'")
        )
        self.check = server.manage("check_books")


@contextmanager
def somebody_holds(statement: str) -> Iterator[None]:
    """Have another connection run a statement and keep its transaction open; we ourselves wait 0.3 s for a lock."""
    given = connection.settings_dict
    login = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"], "password": given["PASSWORD"]}
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
    try:
        with psycopg.connect(dbname=given["NAME"], **login) as other:
            other.execute(statement.encode())
            yield
            other.rollback()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


ACCOUNTS = "SELECT FROM escrow_accounts FOR UPDATE"
NEW_PAYMENTS = "LOCK TABLE transactions IN EXCLUSIVE MODE"


@pytest.mark.django_db(transaction=True)
class TestTheDoors:
    @pytest.fixture
    def at(self) -> datetime:
        return clock.now()

    def test_the_api_says_try_again(self, escrow: EscrowAccount, compliance_officer: User) -> None:
        token = Token.objects.create(user=compliance_officer)
        client = APIClient(HTTP_AUTHORIZATION=f"Token {token.key}")
        address = f"/api/v1/escrow-accounts/{escrow.pk}/freeze"
        with somebody_holds(ACCOUNTS):
            answer = client.post(address, {"reason": "A court order"}, format="json")
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
        assert answer.json()["error"]["message"] == patience.BUSY
        assert client.post(address, {"reason": "A court order"}, format="json").status_code == 200

    def test_a_staff_page_says_it_on_the_form(self, escrow: EscrowAccount, compliance_officer: User) -> None:
        client = Client()
        client.force_login(compliance_officer)
        address = reverse("admin:escrow_escrowaccount_step", args=[escrow.pk, "freeze"])
        given = {"version": client.get(address).context["version"], "reason": "Court order 12"}
        with somebody_holds(ACCOUNTS):
            answer = client.post(address, given)
        assert answer.status_code in (200, 422)
        assert patience.BUSY in answer.text
        assert "Court order 12" in answer.text
        assert client.post(address, given).status_code == 302
        escrow.refresh_from_db()
        assert escrow.status == "FROZEN"

    def test_the_portal_says_it_on_a_page(self, escrow: EscrowAccount, investor: User) -> None:
        client = Client()
        client.force_login(investor)
        form = {
            "step": "confirm",
            "amount": "500.00",
            "payment_method": "ACH",
            "bank_account": str(investor.bank_accounts.get().pk),
            "idempotency_key": "0123456789abcdef0123456789abcdef",
        }
        address = reverse("portal:invest", kwargs={"slug": escrow.offering.slug})
        with somebody_holds(NEW_PAYMENTS):
            answer = client.post(address, form)
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert patience.BUSY in answer.text
        assert not Transaction.objects.exists()
        assert client.post(address, form).status_code == 302
        assert Transaction.objects.count() == 1

    def test_finding_out_who_asks_may_fail_as_well(self, investor: User) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(investor)
        with somebody_holds("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE"):
            page = client.get(reverse("portal:dashboard"))
            program = client.get("/api/v1/transactions/")
        assert (page.status_code, program.status_code) == (503, 503)
        assert patience.BUSY in page.text
        assert program.json()["error"]["code"] == "SERVICE_UNAVAILABLE"

    def test_a_defect_is_still_a_defect(self, investor: User) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(investor)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE offerings RENAME TO lost")
        try:
            answer = client.get(reverse("portal:offerings"))
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE lost RENAME TO offerings")
        assert answer.status_code == 500
        assert "Something went wrong on our side" in answer.text


@pytest.mark.django_db(transaction=True)
class TestTheWorkers:
    @pytest.fixture
    def at(self, db: None) -> datetime:
        return stage.begin()

    @pytest.fixture
    def deposit(self, escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
        return factories.deposit(escrow, investor, "1000.00", at=at)

    def test_a_payment_stays_queued_and_the_sweep_takes_it_later(self, deposit: Transaction) -> None:
        with somebody_holds("SELECT FROM transactions FOR UPDATE"):
            with pytest.raises(OperationalError, match="lock timeout"):
                tasks.process_transaction(payment_id=str(deposit.pk))
            assert tasks.sweep_queued() == 0
        deposit.refresh_from_db()
        assert deposit.status == "QUEUED"
        assert tasks.sweep_queued() == 1
        deposit.refresh_from_db()
        assert deposit.status == "PENDING_SETTLEMENT"

    def test_an_event_that_could_not_be_recorded_stays_due_and_loses_no_attempt(
        self, deposit: Transaction, escrow: EscrowAccount
    ) -> None:
        tasks.sweep_queued()
        clock.advance(timedelta(days=8))
        stage.tell(Client())
        with somebody_holds(ACCOUNTS):
            assert tasks.sweep_webhooks() == 0
        webhook = TransactionWebhook.objects.get()
        assert (webhook.processed, webhook.attempts, webhook.processing_error) == (False, 0, "")
        assert tasks.sweep_webhooks() == 1
        deposit.refresh_from_db()
        assert deposit.status == "SETTLED"
        assert books.check([escrow.pk]) == []


class TestPatience:
    @pytest.mark.parametrize("process", list(patience.PATIENCE))
    def test_every_kind_of_process_waits_for_no_lock_for_ever(self, process: str) -> None:
        given = patience.PATIENCE[process]
        assert 0 < given.lock <= 30
        assert given.idle > 0

    def test_the_web_gives_up_before_its_visitor_is_cut_off(self) -> None:
        """Gunicorn's own limit is 30 s."""
        web = patience.PATIENCE[patience.WEB]
        assert 0 < web.lock < web.statement < 30

    @pytest.mark.parametrize(
        ("program", "process"),
        [
            ("/app/.venv/bin/celery", "worker"),
            ("/app/.venv/lib/python3.11/site-packages/celery/__main__.py", "worker"),
            ("manage.py", "command"),
            ("/app/manage.py", "command"),
            ("/app/.venv/bin/gunicorn", "web"),
            ("", "web"),
        ],
    )
    def test_is_told_by_the_program(self, program: str, process: str) -> None:
        assert patience.process_of(program) == process

    @pytest.mark.slow
    def test_is_what_the_server_is_told(self) -> None:
        """By the real entry points, in the real sessions."""
        script = (
            "import sys; sys.argv[0] = {program!r}; import django; django.setup(); import json\n"
            "from django.db import connection; cursor = connection.cursor()\n"
            "names = ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']\n"
            "show = lambda name: (cursor.execute('SHOW ' + name), cursor.fetchone()[0])[1]\n"
            "print(json.dumps([show(name) for name in names]))"
        )
        with servers.own() as server:
            expected = {
                "gunicorn": ["5s", "25s", "30s"],
                "celery": ["10s", "5min", "1min"],
                "manage.py": ["30s", "0", "5min"],
            }
            for program, limits in expected.items():
                status, said = server.run("-c", script.format(program=program))
                assert status == 0, said
                assert json.loads(re.findall(r"^\[.*\]$", said, re.MULTILINE)[-1]) == limits
            status, said = server.run("-c", script.format(program="celery"), DATABASE_LOCK_TIMEOUT="7")
            assert '"7s"' in said
