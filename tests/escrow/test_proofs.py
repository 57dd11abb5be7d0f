"""Proof snapshots: signed, chained, taken with each reconciliation, and given to investors as files that check out."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from escrow import merkle, postings, proof_files
from escrow.models import EscrowAccount, LedgerAccount, ProofLeaves, ProofSnapshot, Reconciliation
from escrow.operations import ledger, reconciliations, statements
from escrow.proof_files import NotAProof, ProofBroken
from escrow.queries import investor_balances
from escrow.queries import proofs as query
from escrow.queries.proofs import NotInProof
from realco import keys, signing
from realco.models import User
from tests import factories
from tests.escrow.money import MONDAY, TUESDAY, WEDNESDAY, Day, Stated, arrive, statement
from tests.stages import staged

D = Decimal
ROOT = Path(__file__).parents[2]
Taken = Callable[..., ProofSnapshot]


@pytest.fixture
def at() -> datetime:
    """Thursday evening, when the days of these tests are over."""
    return datetime.fromisoformat("2026-03-05T22:00:00.123456+00:00")


@staged
def people(escrow: EscrowAccount, investor: User, at: datetime) -> list[User]:
    """Three investors whose money the bank has."""
    found = [investor, factories.make_user("Ben"), factories.make_user("Cora")]
    for number, person in enumerate(found, start=1):
        arrive(escrow, person, f"{number * 1000}.25", reference=f"SBX-{number}", at=at)
    return found


@pytest.fixture
def take(escrow: EscrowAccount, operator: User, at: datetime) -> Taken:
    """Reconcile, and return the snapshot of it."""

    def reconciled(*, as_of: Any = TUESDAY, at: datetime = at) -> ProofSnapshot:
        reconciliations.reconcile(escrow, as_of=as_of, by=operator, at=at)
        found = query.latest(escrow)
        assert found is not None
        return found

    return reconciled


@staged
def bank_agrees(escrow: EscrowAccount, people: list[User], operator: User, at: datetime) -> None:
    lines = [Stated(cents, reference=f"SBX-{n}") for n, cents in ((1, 100025), (2, 200025), (3, 300025))]
    data = statement(escrow.external_account_id, Day(TUESDAY, 0, lines))
    statements.import_file(data, file_name="a.bai2", by=operator, at=at)


def file_of(snapshot: ProofSnapshot, person: User) -> dict[str, Any]:
    """What the person downloads, read from the database anew."""
    return query.file_for(ProofSnapshot.objects.get(pk=snapshot.pk), person)


def verify(content: dict[str, Any], public_keys: dict[str, str] | None = None) -> None:
    proof_files.verify(proof_files.read(json.dumps(content).encode()), public_keys or signing.public_keys())


class TestTake:
    def test_states_the_four_equalities_with_both_sides(
        self, take: Taken, people: list[User], bank_agrees: None
    ) -> None:
        snapshot = take()
        assert snapshot.is_balanced
        assert (snapshot.investor_count, snapshot.total) == (3, D("6000.75"))
        sides = {item["name"]: (item["left"], item["right"], item["holds"]) for item in snapshot.equalities}
        owed = {"UNCLEARED": "0.00", "INVESTOR": "6000.75", "HELD": "0.00", "RECEIVABLE": "0.00"}
        stored = {"current": "6000.75", "available": "6000.75", "pending": "0.00", "held": "0.00"}
        assert sides == {
            "bank": ("6000.75", "6000.75", True),
            "equation": ("6000.75", "6000.75", True),
            "stored": (stored, stored, True),
            "investors": (owed, owed, True),
        }
        assert set(proof_files.EQUALITIES) == set(sides)
        assert proof_files.disagreements(query.statement_of(snapshot)) == []

    def test_a_mismatch_is_signed_as_well_and_says_so(
        self, take: Taken, escrow: EscrowAccount, people: list[User], operator: User, at: datetime
    ) -> None:
        short = statement(escrow.external_account_id, Day(TUESDAY, 0, [Stated(100025, reference="SBX-1")]))
        statements.import_file(short, file_name="a.bai2", by=operator, at=at)
        snapshot = take()
        assert not snapshot.is_balanced
        assert snapshot.reconciliation.result == Reconciliation.Result.MISMATCHED
        said = proof_files.disagreements(query.statement_of(snapshot))
        assert said[0].endswith("1000.25 against 6000.75")
        verify(file_of(snapshot, people[0]))

    def test_the_same_figures_on_the_same_day_add_nothing(
        self, take: Taken, people: list[User], bank_agrees: None, at: datetime
    ) -> None:
        first, again = take(), take(at=at + timedelta(hours=1))
        assert again == first
        assert Reconciliation.objects.count() == 2

    def test_other_figures_on_the_same_day_add_a_revision(
        self, take: Taken, escrow: EscrowAccount, people: list[User], bank_agrees: None, at: datetime
    ) -> None:
        first = take()
        arrive(escrow, people[1], "10", reference="SBX-9", at=at, on=WEDNESDAY)
        second = take()
        third = take(as_of=WEDNESDAY)
        assert [s.revision for s in (first, second, third)] == [1, 2, 1]
        assert [s.sequence for s in (first, second, third)] == [1, 2, 3]
        assert [second.previous_hash, third.previous_hash] == [first.content_hash, second.content_hash]
        assert str(second).endswith("2026-03-03 (revision 2)")
        assert query.faults(escrow) == []

    def test_days_without_change_share_their_leaves(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        first, second = take(as_of=TUESDAY), take(as_of=WEDNESDAY)
        assert first.leaves == second.leaves
        assert first.merkle_root != second.merkle_root, "each day has salts of its own"

    def test_an_account_nobody_paid_into_has_a_proof_too(self, take: Taken, escrow: EscrowAccount) -> None:
        snapshot = take(as_of=MONDAY)
        assert (snapshot.is_balanced, snapshot.investor_count) == (True, 0)
        assert snapshot.merkle_root == merkle.EMPTY.digest

    def test_takes_as_many_queries_for_many_as_for_one(
        self, take: Taken, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "1", reference="one", at=at)
        with CaptureQueriesContext(connection) as for_one:
            take(as_of=MONDAY)
        for number in range(30):
            arrive(escrow, factories.make_user(f"Person {number}"), "1", reference=f"many-{number}", at=at)
        take(as_of=TUESDAY)
        with CaptureQueriesContext(connection) as for_many:
            take(as_of=WEDNESDAY)
        # The second has a snapshot before it to look at, and no leaves to store anew.
        assert abs(len(for_many) - len(for_one)) <= 2


class TestWhatInvestorsAreShown:
    def test_leaves_are_what_the_portal_shows(
        self, take: Taken, escrow: EscrowAccount, people: list[User], at: datetime
    ) -> None:
        leaves = query.unpacked(take().leaves)
        for person in people:
            shown = investor_balances.balances(person)
            assert leaves[str(person.pk)].by_kind == {
                "UNCLEARED": int(shown.arriving * 100),
                "INVESTOR": int(shown.cleared * 100),
                "HELD": int(shown.held * 100),
                "RECEIVABLE": int(shown.owed * 100),
            }

    def test_a_stored_balance_that_is_not_its_entries_does_not_hold(
        self, take: Taken, escrow: EscrowAccount, people: list[User]
    ) -> None:
        """Somebody with the power to switch triggers off gives one investor a cent."""
        take()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "UPDATE ledger_accounts SET balance = balance + 0.01 WHERE owner_id = %s AND kind = 'INVESTOR'",
                [people[0].pk],
            )
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        snapshot = take()
        [shown] = [item for item in snapshot.equalities if item["name"] == "investors"]
        assert (shown["left"]["INVESTOR"], shown["right"]["INVESTOR"]) == ("6000.75", "6000.76")
        assert (shown["holds"], snapshot.is_balanced) == (False, False)

    def test_a_negative_balance_hides_nothing(
        self, take: Taken, escrow: EscrowAccount, people: list[User], at: datetime
    ) -> None:
        """With triggers off UNCLEARED goes below zero; the tree counts it as nothing and the comparison fails."""
        subject = postings.Subject(escrow.pk, "odd", "DEPOSIT", TUESDAY, "odd")
        odd = postings.inbound_accepted(subject, payer_id=people[2].pk, amount=D("-5000.00"))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            ledger.post([odd], by=None, at=at)
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        snapshot = take()
        assert snapshot.total == D("6000.75")
        [shown] = [item for item in snapshot.equalities if item["name"] == "investors"]
        assert (shown["left"]["UNCLEARED"], shown["right"]["UNCLEARED"], shown["holds"]) == ("-5000.00", "0.00", False)


class TestFile:
    def test_proves_each_investors_balance(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        snapshot = take()
        for person, cents in zip(people, ("100025", "200025", "300025"), strict=True):
            content = file_of(snapshot, person)
            assert content["balances_in_cents"]["INVESTOR"] == cents
            verify(content)

    def test_names_nobody_else(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        text = json.dumps(file_of(take(), people[0]))
        assert str(people[0].pk) in text
        for person in people[1:]:
            assert str(person.pk) not in text
            assert person.email not in text

    def test_an_earlier_days_proof_can_be_given_later(
        self, take: Taken, escrow: EscrowAccount, people: list[User], bank_agrees: None, at: datetime
    ) -> None:
        first = take()
        arrive(escrow, people[0], "500", reference="SBX-later", at=at, on=WEDNESDAY)
        take(as_of=WEDNESDAY)
        content = file_of(first, people[0])
        assert content["balances_in_cents"]["INVESTOR"] == "100025"
        verify(content)

    def test_there_is_none_for_somebody_without_money_there(self, take: Taken, people: list[User]) -> None:
        with pytest.raises(NotInProof, match="no balance of this person"):
            query.file_for(take(), factories.make_user("Nora Nobody"))

    def test_lists_the_last_snapshot_of_each_account_of_an_investor(
        self, take: Taken, people: list[User], bank_agrees: None
    ) -> None:
        take(as_of=MONDAY)
        last = take()
        assert list(query.of_investor(people[0])) == [last]
        assert list(query.of_investor(factories.make_user("Nora"))) == []


def _paths(content: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a file that holds a value."""
    if isinstance(content, dict):
        return [path for key, value in content.items() for path in _paths(value, (*prefix, key))]
    if isinstance(content, list):
        return [path for place, value in enumerate(content) for path in _paths(value, (*prefix, place))]
    return [prefix]


def _changed(value: Any) -> Any:
    """Another value that could stand in the same place."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "2026-03-03"
    if value in ("left", "right"):
        return "right" if value == "left" else "left"
    if value and value[-1] in "0123456789":
        return value[:-1] + str((int(value[-1]) + 1) % 10)
    return value[:-1] + ("b" if value.endswith("a") else "a") if value else "a"


class TestTamperedFile:
    def test_every_value_counts(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        """Each value of the file is changed once: leaf, salt, path, sums, root, statement, signature."""
        content = file_of(take(), people[1])
        places = [path for path in _paths(content) if path[0] != "about"]
        assert len(places) > 60
        for path in places:
            tampered = deepcopy(content)
            holder: Any = tampered
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = _changed(holder[path[-1]])
            assert tampered != content, path
            with pytest.raises((ProofBroken, NotAProof)):
                verify(tampered)

    def test_a_step_left_out_or_turned_is_found(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        content = file_of(take(), people[1])
        steps: list[Any] = content["path"]
        for path in (steps[1:], steps[:-1], steps[::-1], steps * 2, []):
            if path != steps:
                with pytest.raises(ProofBroken):
                    verify({**content, "path": path})

    def test_another_persons_path_is_found(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        snapshot = take()
        mine, other = file_of(snapshot, people[0]), file_of(snapshot, people[1])
        with pytest.raises(ProofBroken):
            verify({**mine, "path": other["path"], "place": other["place"]})
        with pytest.raises(ProofBroken, match="does not end at the signed root"):
            verify({**other, "investor": {**other["investor"], "id": str(people[0].pk)}})

    @pytest.mark.parametrize("cents", ["-1", "+5", "05", "1.0", " 5", "", "1e3", "٣", 5, None, "9" * 19])
    def test_amounts_are_whole_cents_from_zero(
        self, take: Taken, people: list[User], bank_agrees: None, cents: Any
    ) -> None:
        content = file_of(take(), people[0])
        content["balances_in_cents"]["HELD"] = cents
        with pytest.raises(NotAProof):
            verify(content)

    def test_a_liability_cannot_be_offset_in_the_path(self, take: Taken, people: list[User], bank_agrees: None) -> None:
        content = file_of(take(), people[0])
        content["path"][0]["sums_in_cents"]["INVESTOR"] = "-100000"
        with pytest.raises(NotAProof, match="whole cents"):
            verify(content)

    @pytest.mark.parametrize(
        "data", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 100_000, b'{"format": 1.5}', b'{"format": NaN}',
                 b'{"format": "realco-proof/1"}', b'{"a": 1, "a": 2}', b" " * 1_000_001],
    )  # fmt: skip
    def test_what_is_no_proof_is_refused_in_words(self, data: bytes) -> None:
        with pytest.raises(NotAProof):
            proof_files.read(data)

    def test_somebody_elses_signature_does_not_count(
        self, take: Taken, people: list[User], bank_agrees: None, settings: LazySettings
    ) -> None:
        """A forger signs books of their own under our key's name."""
        ours = signing.public_keys()
        settings.PROOF_SIGNING_KEYS = {next(iter(ours)): keys.generate_key()}
        forged = file_of(take(), people[0])
        verify(forged)
        with pytest.raises(ProofBroken, match="signature"):
            verify(forged, ours)


class TestKeys:
    def test_the_first_signs_and_all_verify(
        self, take: Taken, escrow: EscrowAccount, people: list[User], bank_agrees: None, settings: LazySettings
    ) -> None:
        old = take()
        settings.PROOF_SIGNING_KEYS = {"k2": keys.generate_key(), **settings.PROOF_SIGNING_KEYS}
        new = take()
        assert (old.key_id, new.key_id, new.revision) == ("dev", "k2", 2)
        for snapshot in (old, new):
            verify(file_of(snapshot, people[0]))
        assert query.faults(escrow) == []

    def test_a_proof_of_a_key_that_is_gone_is_not_made_wrongly(
        self, take: Taken, escrow: EscrowAccount, people: list[User], bank_agrees: None, settings: LazySettings
    ) -> None:
        snapshot = take()
        content = file_of(snapshot, people[0])
        settings.PROOF_SIGNING_KEYS = {"k2": keys.generate_key()}
        with pytest.raises(signing.KeyNotConfigured, match="'dev'"):
            file_of(snapshot, people[0])
        with pytest.raises(ProofBroken, match="“dev”, which is not among the keys given: k2"):
            verify(content)
        assert query.faults(escrow) == [f"{snapshot}: the key 'dev' that signed it is not configured."]

    def test_are_public_and_only_the_public_half(self, client: Any) -> None:
        answer = client.get("/.well-known/realco-proof-keys.json")
        assert answer.status_code == 200
        [key] = answer.json()["keys"]
        assert (key["id"], key["algorithm"], key["signs_now"]) == ("dev", "Ed25519", True)
        assert proof_files.read_keys(answer.content) == signing.public_keys()
        from django.conf import settings

        assert not set(settings.PROOF_SIGNING_KEYS.values()) & {key["public_key"]}


def copied(sequence: str, previous_hash: str) -> str:
    """SQL that adds a snapshot like the one there is, the next day, with another link."""
    return (
        "INSERT INTO proof_snapshots (id, as_of_date, revision, sequence, figures, equalities, is_balanced,"
        " investor_count, merkle_root, sums, total, previous_hash, content_hash, key_id, signature, created_at,"
        " escrow_account_id, leaves_id, reconciliation_id)"
        f" SELECT gen_random_uuid(), as_of_date + 1, 1, {sequence}, figures, equalities, is_balanced,"
        f" investor_count, merkle_root, sums, total, {previous_hash}, 'x', key_id, signature, created_at,"
        " escrow_account_id, leaves_id, reconciliation_id FROM proof_snapshots"
    )


class TestTheDatabase:
    """Raw SQL against what was signed."""

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE proof_snapshots SET is_balanced = NOT is_balanced",
            "UPDATE proof_snapshots SET total = 0",
            "DELETE FROM proof_snapshots",
            "TRUNCATE proof_snapshots CASCADE",
            "UPDATE proof_leaves SET data = ''",
            "DELETE FROM proof_leaves",
            copied("sequence + 2", "content_hash"),
            copied("sequence + 1", "''"),
            copied("sequence", "content_hash"),
        ],
    )
    def test_refuses(self, take: Taken, people: list[User], sql: str) -> None:
        take()
        with (
            connection.cursor() as cursor,
            pytest.raises(DatabaseError, match=r"rows are kept as they are|does not follow"),
        ):
            with transaction.atomic():
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(sql)

    def test_one_link_that_fits_is_taken(self, take: Taken, people: list[User]) -> None:
        """The refused inserts above fail for their link: with the right one the same row is taken."""
        take()
        with connection.cursor() as cursor:
            cursor.execute(copied("sequence + 1", "content_hash"))
        assert ProofSnapshot.objects.count() == 2

    @pytest.mark.parametrize(
        ("sql", "words"),
        [
            ("UPDATE proof_snapshots SET total = total + 1, figures = '{}'", "not what was hashed"),
            ("UPDATE proof_snapshots SET is_balanced = true", "not what was hashed"),
            ("UPDATE proof_snapshots SET previous_hash = 'x' WHERE sequence = 2", "does not follow"),
            ("UPDATE proof_snapshots SET signature = 'AAAA'", "signature does not fit"),
            ("UPDATE proof_snapshots SET merkle_root = content_hash", "do not lead to its root"),
            ("DELETE FROM proof_snapshots WHERE sequence = 1", "does not follow"),
        ],
    )
    def test_what_was_changed_behind_the_triggers_is_found(
        self, take: Taken, escrow: EscrowAccount, people: list[User], sql: str, words: str
    ) -> None:
        take(as_of=MONDAY)
        take()
        call_command("check_proofs", stdout=io.StringIO())
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql)
            assert cursor.rowcount > 0
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        assert any(words in fault for fault in query.faults(escrow))
        with pytest.raises(CommandError, match="faults in"):
            call_command("check_proofs", stdout=io.StringIO())

    def test_changed_leaves_are_found(self, take: Taken, escrow: EscrowAccount, people: list[User]) -> None:
        take()
        data, _ = query.packed({str(people[0].pk): merkle.ZERO})
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("UPDATE proof_leaves SET data = %s", [data])
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        assert ProofLeaves.objects.count() == 1
        assert any("do not lead to its root" in fault for fault in query.faults(escrow))


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py where no database can be reached."""
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **nowhere, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestVerifyProof:
    @pytest.fixture
    def file(self, take: Taken, people: list[User], bank_agrees: None, tmp_path: Path) -> Path:
        path = tmp_path / "proof.json"
        path.write_text(json.dumps(file_of(take(), people[1])))
        return path

    @pytest.mark.slow
    def test_needs_no_database_and_says_what_is_proved(self, file: Path, people: list[User], tmp_path: Path) -> None:
        done = run("verify_proof", str(file))
        assert (done.returncode, done.stderr) == (0, "")
        assert "The proof holds" in done.stdout
        assert str(people[1].pk) in done.stdout
        assert "$2,000.25" in done.stdout
        assert "$6,000.75 together" in done.stdout
        assert "the books agreed" in done.stdout

        published = tmp_path / "keys.json"
        assert run("proof_keys", "--out", str(published)).returncode == 0
        for option in (("--keys", str(published)), ("--public-key", signing.public_keys()["dev"])):
            said = io.StringIO()
            call_command("verify_proof", str(file), *option, stdout=said)
            assert "The proof holds" in said.getvalue()

    def test_tells_a_broken_proof_from_a_file_that_is_none(self, file: Path) -> None:
        content = json.loads(file.read_text())
        content["balances_in_cents"]["INVESTOR"] = "200026"
        file.write_text(json.dumps(content))
        with pytest.raises(CommandError, match="does NOT hold") as broken:
            call_command("verify_proof", str(file))
        assert broken.value.returncode == 1
        for text in ("not JSON", "{}"):
            file.write_text(text)
            with pytest.raises(CommandError) as unreadable:
                call_command("verify_proof", str(file))
            assert unreadable.value.returncode == 2
        with pytest.raises(CommandError, match="cannot be read") as missing:
            call_command("verify_proof", str(file) + "x")
        assert missing.value.returncode == 2

    def test_trusts_only_the_key_given(self, file: Path) -> None:
        other = base64.b64encode(bytes(32)).decode()
        with pytest.raises(CommandError, match="signature") as broken:
            call_command("verify_proof", str(file), public_key=other)
        assert broken.value.returncode == 1
        with pytest.raises(CommandError, match="public key") as unreadable:
            call_command("verify_proof", str(file), public_key="no key")
        assert unreadable.value.returncode == 2

    def test_says_when_the_books_did_not_agree(self, take: Taken, people: list[User], tmp_path: Path) -> None:
        path = tmp_path / "proof.json"
        path.write_text(json.dumps(file_of(take(), people[0])))
        said = io.StringIO()
        call_command("verify_proof", str(path), stdout=said, no_color=True)
        assert "books did NOT agree" in said.getvalue()
        assert "0.00 against 6000.75" in said.getvalue()

    def test_the_documented_lines_of_python_agree(self, file: Path, tmp_path: Path) -> None:
        """docs/proofs.md shows how to check a proof without RealCo; what it shows runs."""
        page = (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8")
        script = page.partition("```python\n")[2].partition("```")[0]
        assert 20 < script.count("\n") <= 40
        checker = tmp_path / "check.py"
        checker.write_text(script)
        key = signing.public_keys()["dev"]

        def check() -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-I", str(checker), str(file), key]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        done = check()
        assert (done.returncode, done.stderr) == (0, "")
        assert "holds" in done.stdout
        content = json.loads(file.read_text())
        content["path"][0]["sums_in_cents"]["INVESTOR"] = "1"
        file.write_text(json.dumps(content))
        assert check().returncode != 0


def test_every_owned_kind_is_in_the_leaves() -> None:
    """A kind of ledger account that gets owners has to be shown and proved too."""
    assert {*LedgerAccount.OWNED, LedgerAccount.Kind.HELD} == set(merkle.KINDS)
