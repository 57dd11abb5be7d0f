"""History: every balance at every (effective day, moment known) agrees with a model in plain Python."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow.models import EscrowAccount, EscrowLedgerEntry, LedgerAccount
from escrow.operations import ledger
from escrow.queries import history
from escrow.queries.history import AsOf
from realco.models import User
from tests.escrow import bank_lines
from tests.escrow.money import arrive

D = Decimal
Kind = LedgerAccount.Kind
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAYS = [date(2026, 3, 1) + timedelta(days=number) for number in range(5)]
ZERO = D("0.00")


@dataclass(frozen=True)
class Happening:
    """Something to be posted: for a day, minutes after the start by true time, by a host whose clock is off."""

    day: date
    minutes: int
    off: int
    cents: int
    is_claimed: bool

    @property
    def at(self) -> datetime:
        return START + timedelta(minutes=self.minutes + self.off)


happenings = st.lists(
    st.builds(
        Happening,
        day=st.sampled_from(DAYS),
        minutes=st.integers(0, 60 * 24 * 4),
        off=st.integers(-5, 5),
        cents=st.integers(1, 100_000),
        is_claimed=st.booleans(),
    ),
    min_size=1,
    max_size=7,
)


def post(escrow: EscrowAccount, investor: User, story: Iterable[Happening]) -> None:
    """Post in the order of true time; each is written with its own host's time."""
    with transaction.atomic():
        for place, happening in enumerate(sorted(story, key=lambda item: item.minutes)):
            amount, key, day = D(happening.cents).scaleb(-2), f"story:{place}:{uuid4()}", happening.day
            posted = [bank_lines.received(escrow, amount, key=key, on=day)]
            if happening.is_claimed:
                posted.append(
                    bank_lines.claimed(escrow, investor.pk, amount, key=key, on=day, has_cleared=bool(place % 2))
                )
            ledger.post(posted, by=None, at=happening.at)


class Model:
    """The same questions asked of a list: what a person with all the rows and no index would answer."""

    def __init__(self, escrow: EscrowAccount) -> None:
        self.rows: list[EscrowLedgerEntry] = list(
            EscrowLedgerEntry.objects.filter(escrow_account=escrow)
            .select_related("ledger_account")
            .order_by("sequence")
        )

    def known(self, account_id: UUID, known_at: datetime | None) -> list[EscrowLedgerEntry]:
        chain = [row for row in self.rows if row.ledger_account_id == account_id]
        if known_at is None:
            return chain
        written = [row.sequence for row in chain if row.created_at <= known_at]
        return [row for row in chain if row.sequence <= max(written, default=0)]

    def balance(self, account: LedgerAccount, as_of: AsOf) -> Decimal:
        sign = 1 if account.is_asset else -1
        rows = self.known(account.pk, as_of.known_at)
        return sum(
            (r.amount * sign for r in rows if as_of.effective_on is None or r.effective_date <= as_of.effective_on),
            ZERO,
        )


def points(moments: Sequence[datetime]) -> list[AsOf]:
    """Every day with every moment at which anything changed, just before, and none."""
    times = [None, START - timedelta(days=1), *moments, *(moment - timedelta(microseconds=1) for moment in moments)]
    return [AsOf(day, moment) for day in (None, *DAYS, date(2026, 2, 1)) for moment in times]


@pytest.mark.slow
class TestEveryPoint:
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(story=happenings)
    def test_agrees_with_the_model(self, escrow: EscrowAccount, investor: User, story: list[Happening]) -> None:
        point = transaction.savepoint()
        try:
            post(escrow, investor, story)
            model = Model(escrow)
            accounts = list(LedgerAccount.objects.filter(escrow_account=escrow))
            for as_of in points(sorted({happening.at for happening in story})):
                wanted = {(a.kind, a.owner_id): model.balance(a, as_of) for a in accounts}
                found = [*history.house(escrow, as_of=as_of), *history.owned(escrow, as_of=as_of).rows]
                assert {(row.kind, row.owner_id): row.then for row in found} == wanted, as_of
                assert {row.kind: row.now for row in found} == {a.kind: a.balance for a in accounts}
                assert history.totals(escrow, as_of=as_of) == {a.kind: wanted[a.kind, a.owner_id] for a in accounts}
        finally:
            transaction.savepoint_rollback(point)

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(story=happenings, size=st.integers(1, 4), first=st.sampled_from(DAYS), length=st.integers(0, 4))
    def test_statements_lead_from_opening_to_closing(
        self, escrow: EscrowAccount, investor: User, story: list[Happening], size: int, first: date, length: int
    ) -> None:
        point = transaction.savepoint()
        try:
            post(escrow, investor, story)
            model = Model(escrow)
            last = first + timedelta(days=length)
            for known_at in (None, story[0].at, story[-1].at):
                for account in LedgerAccount.objects.filter(escrow_account=escrow):
                    _compare_statement(model, account, first, last, known_at, size)
        finally:
            transaction.savepoint_rollback(point)

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(story=happenings)
    def test_lists_exactly_what_came_later(self, escrow: EscrowAccount, investor: User, story: list[Happening]) -> None:
        point = transaction.savepoint()
        try:
            post(escrow, investor, story)
            model = Model(escrow)
            accounts = {row.ledger_account_id for row in model.rows}
            for as_of in points(sorted({happening.at for happening in story})):
                if as_of.known_at is None:
                    assert history.came_later(escrow, as_of=as_of) == []
                    continue
                known = {row.pk for account in accounts for row in model.known(account, as_of.known_at)}
                until = as_of.effective_on or DAYS[-1]
                wanted = {row.pk for row in model.rows if row.pk not in known and row.effective_date <= until}
                assert {row.pk for row in history.came_later(escrow, as_of=as_of)} == wanted
                found = history.known(EscrowLedgerEntry.objects.filter(escrow_account=escrow), at=as_of.known_at)
                assert set(found.values_list("pk", flat=True)) == known
        finally:
            transaction.savepoint_rollback(point)


def _compare_statement(
    model: Model, account: LedgerAccount, first: date, last: date, known_at: datetime | None, size: int
) -> None:
    """Read a statement page by page, and hold each figure to the model."""
    sign = 1 if account.is_asset else -1
    wanted = [row for row in model.known(account.pk, known_at) if first <= row.effective_date <= last]
    wanted.sort(key=lambda row: (row.effective_date, row.journal_entry_id))
    running = model.balance(account, AsOf(first - timedelta(days=1), known_at))
    after, seen = "", 0
    while True:
        page = history.statement(
            [account.pk], first_day=first, last_day=last, known_at=known_at, after=after, limit=size
        )
        assert page.opening[account.kind] == model.balance(account, AsOf(first - timedelta(days=1), known_at))
        assert page.closing[account.kind] == model.balance(account, AsOf(last, known_at))
        for movement in page.movements:
            row = wanted[seen]
            running += row.amount * sign
            seen += 1
            assert (movement.day, movement.journal_entry_id) == (row.effective_date, row.journal_entry_id)
            assert movement.changes == {account.kind: row.amount * sign}
            assert movement.after[account.kind] == running
        if not page.next:
            break
        assert len(page.movements) == size
        after = page.next
    assert seen == len(wanted)
    assert running == page.closing[account.kind]


class TestBalance:
    def test_tells_what_we_told_from_what_we_know(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        march_31, april_2 = date(2026, 3, 31), datetime(2026, 4, 2, 15, 0, tzinfo=UTC)
        told_at = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
        arrive(
            escrow, investor, "1000", reference="A", at=datetime(2026, 3, 30, 15, 0, tzinfo=UTC), on=date(2026, 3, 30)
        )
        arrive(escrow, investor, "250", reference="B", at=april_2, on=march_31)

        def told(as_of: AsOf) -> Decimal:
            return history.balance(escrow, Kind.INVESTOR, investor.pk, as_of=as_of)

        assert told(AsOf(march_31, told_at)) == D("1000.00")
        assert told(AsOf(known_at=told_at)) == D("1000.00")
        assert told(AsOf(march_31)) == D("1250.00")
        assert told(history.NOW) == D("1250.00")
        assert told(AsOf(date(2026, 3, 30))) == D("1000.00")
        later = history.came_later(escrow, as_of=AsOf(march_31, told_at))
        assert {entry.reference for entry in later} == {"B:accepted", "B:settled", "B:cleared"}

    def test_is_nothing_where_nothing_ever_was(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        assert history.balance(escrow, Kind.INVESTOR, investor.pk) == ZERO
        assert history.balance(escrow, Kind.BANK, as_of=AsOf(at.date(), at)) == ZERO
        assert history.of_investor(investor.pk) == {}

    def test_adds_an_investors_kinds_up_over_accounts(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "1000", reference="A", at=at)
        held = history.of_investor(investor.pk, as_of=AsOf(known_at=at))
        assert held == {"UNCLEARED": ZERO, "INVESTOR": D("1000.00")}
        assert history.of_investor(investor.pk, account=escrow, as_of=AsOf(at.date(), at)) == held

    def test_trusts_the_chain_and_not_a_clock_that_is_ahead(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        """A host four minutes ahead writes first; the next one, on time, continues its entry."""
        arrive(escrow, investor, "1000", reference="A", at=at + timedelta(minutes=4))
        arrive(escrow, investor, "1", reference="B", at=at)
        assert history.balance(escrow, Kind.BANK, as_of=AsOf(known_at=at)) == D("1001.00")
        assert history.balance(escrow, Kind.BANK, as_of=AsOf(known_at=at - timedelta(minutes=1))) == ZERO

    @pytest.mark.parametrize("as_of", [history.NOW, AsOf(known_at=START), AsOf(DAYS[0]), AsOf(DAYS[0], START)])
    def test_takes_one_query(self, escrow: EscrowAccount, investor: User, at: datetime, as_of: AsOf) -> None:
        arrive(escrow, investor, "1000", reference="A", at=at)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            history.balance(escrow, Kind.INVESTOR, investor.pk, as_of=as_of)
        assert len(captured) == 1
