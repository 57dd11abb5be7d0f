"""
Twenty thousand updates of a hot balance: its rows stay where they are, and their tables stay small.

Real postings show that what ledger_post does to these rows can stay in place; a loop inside the server then
makes the same updates many times, each in a transaction of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.faults import posting, servers
from tests.faults.servers import wait_for

pytestmark = pytest.mark.slow
UPDATES = 20_000
CROWD = 2_000
PAGE = 8192

# What ledger_post writes to its heads and what follows for the escrow account, without the rest of a posting.
UPDATE = """
DO $$
DECLARE
    hot uuid := (SELECT id FROM escrow_accounts ORDER BY account_number LIMIT 1);
BEGIN
    FOR n IN 1..{count} LOOP
        UPDATE ledger_accounts SET balance = balance + 0.01, entry_count = entry_count + 1
         WHERE escrow_account_id = hot AND kind IN ('BANK', 'CLEARING');
        UPDATE escrow_accounts SET pending_balance = pending_balance + 0.01, current_balance = current_balance + 0.01
         WHERE id = hot;
        COMMIT;
    END LOOP;
END $$
"""
STATE = """
SELECT relname, n_tup_upd, n_tup_hot_upd, pg_relation_size(relid), n_live_tup
  FROM pg_stat_user_tables WHERE relname IN ('ledger_accounts', 'escrow_accounts')
"""


@dataclass(frozen=True)
class State:
    """A table's updates, how many of them were HOT, and its size in bytes."""

    updates: int
    hot: int
    size: int
    rows: int

    def since(self, before: "State") -> "State":
        return State(self.updates - before.updates, self.hot - before.hot, self.size, self.rows)


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    with servers.own(synchronous_commit="off", autovacuum_naptime="1s") as server:
        with server.connect(superuser=True) as link:
            # Many accounts, as a platform has: their pages are full when the hot ones among them begin to be updated.
            link.execute(
                "INSERT INTO users (id, email, full_name, password, is_active, is_staff, is_superuser, created_at)"
                f" SELECT realco_uuid7(), 'crowd' || n, 'Crowd', '!', true, false, false, now()"
                f" FROM generate_series(1, {CROWD}) n".encode()
            )
            link.execute(
                "INSERT INTO ledger_accounts (id, escrow_account_id, kind, owner_id, currency, balance, entry_count,"
                " created_at) SELECT realco_uuid7(), (SELECT max(id::text)::uuid FROM escrow_accounts), 'UNCLEARED',"
                " id, 'USD', 0, 0, now() FROM users WHERE full_name = 'Crowd'"
            )
            link.execute("VACUUM ANALYZE")
        yield server


def states(link: psycopg.Connection) -> dict[str, State]:
    link.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    return {name: State(*numbers) for name, *numbers in link.execute(STATE.encode())}


def update(server: servers.Server, count: int) -> dict[str, State]:
    """Update, each time in a transaction of its own and past the triggers, and return what it did to the tables."""
    with server.connect(superuser=True) as link:
        before = states(link)
        link.execute("SET session_replication_role = replica")
        link.execute(UPDATE.format(count=count).encode())
        after = states(link)
    return {name: state.since(before[name]) for name, state in after.items()}


def post(server: servers.Server) -> dict[str, State]:
    """Post a hundred times through ledger.post, and return what it did to the two tables."""
    log = server.folder / "load.jsonl"
    with server.connect() as link:
        before = states(link)
        load = ("-m", "tests.faults.posting", "load", "--hot", "--log", str(log), "--seconds", "300")
        clients = server.program(*load, output=None)
        wait_for(lambda: len(posting.attempts(log)) >= 100)
        Path(f"{log}.stop").touch()
        assert clients.wait(60) == 0
        after = states(link)
    return {name: state.since(before[name]) for name, state in after.items()}


class TestAHotBalance:
    def test_is_posted_to_in_place(self, server: servers.Server) -> None:
        did = post(server)
        assert did["escrow_accounts"].updates >= 50, "too little work to show anything"
        for name, state in did.items():
            assert state.hot / state.updates > 0.95, name
        assert server.manage("check_books")[0] == 0

    def test_stays_in_place_and_its_table_stays_small(self, server: servers.Server) -> None:
        did = update(server, UPDATES)
        accounts, balances = did["escrow_accounts"], did["ledger_accounts"]
        assert accounts.updates == UPDATES and balances.updates == 2 * UPDATES
        assert accounts.hot / accounts.updates > 0.98
        assert balances.hot / balances.updates > 0.98
        assert accounts.size <= 8 * PAGE
        assert balances.size <= 4 * PAGE * (CROWD // 80 + 2)

    @pytest.mark.parametrize(("room", "stays"), [("50", True), ("100", False)], ids=["with room", "without"])
    def test_a_payday_that_touches_every_account_stays_in_place(
        self, server: servers.Server, room: str, stays: bool
    ) -> None:
        """One batch writes a version of each row at once; on full pages (the broken variant) each of them moves."""
        with server.connect(superuser=True) as link:
            link.execute(f"ALTER TABLE ledger_accounts SET (fillfactor = {room})".encode())
            link.execute("VACUUM FULL ledger_accounts")
            link.execute("SET session_replication_role = replica")
            before = states(link)["ledger_accounts"]
            link.execute("UPDATE ledger_accounts SET balance = balance + 0.01, entry_count = entry_count + 1")
            did = states(link)["ledger_accounts"].since(before)
            link.execute("ALTER TABLE ledger_accounts SET (fillfactor = 50)")
        assert did.updates > CROWD
        assert (did.hot / did.updates > 0.95) is stays

    def test_an_index_on_the_balance_would_show(self, server: servers.Server) -> None:
        """The broken variant: what one careless index does to the same updates."""
        with server.connect() as link:
            link.execute("CREATE INDEX careless ON ledger_accounts (balance)")
            try:
                did = update(server, 2_000)["ledger_accounts"]
            finally:
                link.execute("DROP INDEX careless")
        assert did.updates == 4_000
        assert did.hot / did.updates < 0.1

    def test_a_long_reader_costs_room_that_comes_back(self, server: servers.Server) -> None:
        """A dump keeps old versions alive; when it is over, they are cleared away and their room is used again."""
        with server.connect(autocommit=False) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM ledger_accounts")
            meanwhile = update(server, 2_000)["escrow_accounts"]
        assert meanwhile.size > 8 * PAGE, "the reader kept nothing alive"
        with server.connect(superuser=True) as link:
            link.execute("VACUUM escrow_accounts")
        after = update(server, 2_000)["escrow_accounts"]
        assert after.size <= meanwhile.size
        assert after.hot / after.updates > 0.95
