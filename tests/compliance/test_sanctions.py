"""OFAC's files are loaded whole or not at all, and only what changed is changed."""

import gzip
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from compliance import ofac
from compliance.models import SanctionedName, SanctionedParty, SanctionsImport
from compliance.ofac import SanctionsFileBroken
from compliance.operations import sanctions
from compliance.operations.sanctions import ImportRunning, ListShrank
from compliance.queries.sanctions import candidates, listed_names
from realco.models import AuditEvent
from tests.compliance.conftest import APRIL, MARCH
from tests.conftest import close_connections

REAL = settings.BASE_DIR.parent / "shared" / "data" / "ofac" / "2021-07-07"


def edit(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


class TestReadDirectory:
    def test_reads_every_part_of_a_party(self) -> None:
        krug, jose, company, ship = ofac.read_directory(MARCH)
        assert (krug.name, krug.party_type, krug.programs) == ("KRUG, Ivan Petrovich", "individual", "MADEUP1; MADEUP2")
        assert krug.names == ["KRUG, Ivan Petrovich", "KROOG, Ivan", "KRUGOV, Ivan Petrovich", "THE BARON"]
        assert krug.addresses == ["1 Example Road, Nowhere 12345, Atlantis"]
        assert krug.remarks.startswith("Title: Director; DOB 05 Jan 1970")
        assert (jose.name, jose.addresses) == ("MUÑOZ O'HARA, José", [])
        assert company.remarks == "Linked To: KRUG, Ivan Petrovich."
        assert 'Owner: Nowhere "Lines"' in ship.remarks

    def test_reads_gzipped_files_and_other_letters_of_names(self, files: Path) -> None:
        for name in ("sdn", "alt"):
            plain = files / f"{name}.csv"
            (files / f"{name.upper()}.CSV.GZ").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
        assert ofac.content_hash(ofac.read_directory(files)) == ofac.content_hash(ofac.read_directory(MARCH))

    def test_does_not_need_the_comments(self, files: Path) -> None:
        (files / "sdn_comments.csv").unlink()
        assert ofac.read_directory(files)[2].remarks == "Linked To: KRUG, Iv"

    @pytest.mark.parametrize(
        ("file", "change", "said"),
        [
            (
                "sdn.csv",
                lambda data: data.replace(b'"individual",', b"", 1),
                "sdn.csv, line 1: 11 columns instead of 12",
            ),
            ("sdn.csv", lambda data: data.replace(b"102,", b"x,", 1), "sdn.csv, line 2: “x” is not the number"),
            ("sdn.csv", lambda data: data.replace(b"103,", b"101,", 1), "sdn.csv, line 3: party 101 is listed twice"),
            ("sdn.csv", lambda data: data.replace(b"SEA GHOST", b"", 1), "sdn.csv, line 4: a name is missing"),
            ("sdn.csv", lambda data: data.replace(b"SEA", b"S\x00A", 1), "sdn.csv, line 4: there is a zero byte"),
            ("sdn.csv", lambda data: data[:-20], "sdn.csv, line 4: it is not csv"),
            ("sdn.csv", lambda data: b"", "sdn.csv: it lists nobody"),
            ("alt.csv", lambda data: data.replace(b"103,", b"999,", 1), "alt.csv, line 3: party 999 is not in the sdn"),
            (
                "alt.csv",
                lambda data: data.replace(b"NTC", b"N" * 401, 1),
                "alt.csv, line 3: a name is missing, or longer",
            ),
            ("add.csv", lambda data: data.replace(b"103,", b"999,", 1), "add.csv, line 3: party 999 is not in the sdn"),
        ],
    )
    def test_names_file_and_line_of_what_is_broken(
        self, files: Path, file: str, change: Callable[[bytes], bytes], said: str
    ) -> None:
        edit(files / file, change)
        with pytest.raises(SanctionsFileBroken) as refusal:
            ofac.read_directory(files)
        assert str(refusal.value).startswith(said)
        assert str(refusal.value).endswith("Nothing was imported.")

    @pytest.mark.parametrize("file", ["sdn.csv", "alt.csv", "add.csv"])
    def test_says_which_file_is_missing(self, files: Path, file: str) -> None:
        (files / file).unlink()
        with pytest.raises(SanctionsFileBroken, match=f"{file}: it is missing"):
            ofac.read_directory(files)

    @pytest.mark.parametrize("cut", [5, 40])
    def test_refuses_a_gzipped_file_that_was_cut_off(self, files: Path, cut: int) -> None:
        data = gzip.compress((files / "sdn.csv").read_bytes())
        (files / "sdn.csv").unlink()
        (files / "sdn.csv.gz").write_bytes(data[:-cut])
        with pytest.raises(SanctionsFileBroken, match=r"sdn\.csv\.gz: it cannot be read"):
            ofac.read_directory(files)

    def test_takes_no_notice_of_the_order_of_rows(self, files: Path) -> None:
        edit(files / "alt.csv", lambda data: b"\r\n".join(reversed(data.rstrip(b"\x1a").split(b"\r\n"))))
        assert ofac.content_hash(ofac.read_directory(files)) == ofac.content_hash(ofac.read_directory(MARCH))


class TestImportDirectory:
    def test_loads_parties_and_their_names(self, march: SanctionsImport, at: datetime) -> None:
        assert (march.parties, march.names, march.added, march.changed, march.removed) == (4, 8, 4, 0, 0)
        krug = SanctionedParty.objects.get(entity_number="101")
        assert (krug.list_name, krug.listed_at, krug.removed_at) == ("OFAC_SDN", at, None)
        assert "Addresses: 1 Example Road, Nowhere 12345, Atlantis" in krug.remarks
        assert {name.normalized for name in krug.names.all()} == {
            "ivan krug petrovich",
            "ivan kroog",
            "ivan krugov petrovich",
            "baron the",
        }
        assert krug.names.get(is_primary=True).name == "KRUG, Ivan Petrovich"

    def test_twice_changes_nothing(self, march: SanctionsImport, at: datetime) -> None:
        events = AuditEvent.objects.count()
        again = sanctions.import_directory(MARCH, at=at + timedelta(days=1))
        assert again == march
        assert SanctionsImport.objects.count() == 1
        assert AuditEvent.objects.count() == events

    def test_changes_only_what_the_list_has_changed(self, march: SanctionsImport, at: datetime) -> None:
        untouched = SanctionedParty.objects.get(entity_number="101")
        later = at + timedelta(days=30)
        april = sanctions.import_directory(APRIL, at=later)
        assert (april.parties, april.added, april.changed, april.removed) == (4, 1, 1, 1)
        assert SanctionedParty.objects.get(entity_number="104").removed_at == later
        assert "DOB 1982" in SanctionedParty.objects.get(entity_number="102").remarks
        assert not AuditEvent.objects.filter(entity_id=str(untouched.pk), operation="UPDATE").exists()

    def test_takes_back_a_party_that_returns(self, march: SanctionsImport, at: datetime) -> None:
        ghost = SanctionedParty.objects.get(entity_number="104")
        sanctions.import_directory(APRIL, at=at + timedelta(days=30))
        back = sanctions.import_directory(MARCH, at=at + timedelta(days=60))
        assert (back.changed, back.removed) == (2, 1)
        ghost.refresh_from_db()
        assert ghost.removed_at is None

    def test_a_broken_file_changes_nothing(self, march: SanctionsImport, files: Path, at: datetime) -> None:
        (files / "sdn.csv").write_bytes((APRIL / "sdn.csv").read_bytes())
        edit(files / "add.csv", lambda data: data.replace(b"103,", b"104,", 1))
        before = list(SanctionedParty.objects.order_by("pk").values())
        with pytest.raises(SanctionsFileBroken):
            sanctions.import_directory(files, at=at)
        assert list(SanctionedParty.objects.order_by("pk").values()) == before

    def test_refuses_a_list_that_looks_cut_off(self, march: SanctionsImport, files: Path, at: datetime) -> None:
        rows = [b'%d,"PARTY %d",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ' % (n, n) for n in range(1000, 1100)]
        whole = (files / "sdn.csv").read_bytes().rstrip(b"\x1a")
        (files / "sdn.csv").write_bytes(whole + b"\r\n".join(rows))
        sanctions.import_directory(files, at=at)
        (files / "sdn.csv").write_bytes(whole + b"\r\n".join(rows[:50]))
        with pytest.raises(ListShrank):
            sanctions.import_directory(files, at=at)
        assert sanctions.import_directory(files, at=at, allow_shrink=True).removed == 50

    def test_says_who_has_imported_in_the_audit_trail(self, march: SanctionsImport) -> None:
        event = AuditEvent.objects.filter(entity_type="sanctions_imports").latest("sequence")
        assert (event.action, event.entity_id) == ("sanctions.import", str(march.pk))


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_one_list_is_imported_once_at_a_time(self, at: datetime) -> None:
        refused: list[ImportRunning] = []

        def import_it() -> None:
            try:
                sanctions.import_directory(MARCH, at=at)
            except ImportRunning as refusal:
                refused.append(refusal)
            finally:
                close_connections()

        with transaction.atomic():
            sanctions.import_directory(MARCH, at=at)
            thread = threading.Thread(target=import_it)
            thread.start()
            thread.join()
        assert len(refused) == 1
        assert SanctionedParty.objects.count() == 4


class TestCandidates:
    def test_gives_each_party_once_with_the_name_it_resembles(self, march: SanctionsImport) -> None:
        found = candidates(["Ivan Kroog", "Petrovich Ivan KRUG", "Nobody Else"])
        assert [(one.party.entity_number, one.screened_name, one.listed_name) for one in found] == [
            ("101", "Petrovich Ivan KRUG", "KRUG, Ivan Petrovich")
        ]

    def test_finds_nobody_by_an_empty_name(self, march: SanctionsImport) -> None:
        assert candidates(["", "—"]) == []

    def test_looks_names_up_in_their_index(self, march: SanctionsImport) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("ANALYZE sanctioned_names, sanctioned_parties")
        assert "Index" in listed_names(["ivan krug"]).explain()
        assert "sanctioned_names_normalized" in listed_names(["ivan krug"]).explain()


class TestCommand:
    def run(self, *arguments: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command("import_sanctions", *arguments, stdout=out, stderr=err, skip_checks=True)
        return out.getvalue(), err.getvalue()

    def test_reports_what_it_did_and_how_far_it_is(self, db: None) -> None:
        out, err = self.run(str(MARCH))
        assert out.startswith("OFAC_SDN: 4 parties with 8 names; 4 added, 0 changed, 0 removed")
        assert "Read 4 parties." in err

    def test_says_when_nothing_has_changed(self, march: SanctionsImport) -> None:
        assert self.run(str(MARCH))[0].startswith("Nothing has changed since the import of")

    def test_refuses_in_words(self, db: None, files: Path) -> None:
        edit(files / "sdn.csv", lambda data: data.replace(b"102,", b"x,", 1))
        with pytest.raises(CommandError, match=r"sdn\.csv, line 2"):
            self.run(str(files))

    def test_refuses_a_directory_that_is_not_there(self, db: None, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="there is no such directory"):
            self.run(str(tmp_path / "absent"))


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="OFAC's published list is not beside this repository")
class TestThePublishedList:
    def test_is_loaded_whole_in_reasonable_time(self, db: None, at: datetime) -> None:
        done = sanctions.import_directory(REAL, at=at)
        assert (done.parties, done.added) == (8976, 8976)
        assert SanctionedName.objects.count() == done.names > 20000
        assert not SanctionedName.objects.filter(normalized="").exists()
        (found,) = candidates(["Gilberto José Rodríguez Orejuela"])
        assert found.party.entity_number == "4107"
        assert "sanctioned_names_normalized" in listed_names(["krug"]).explain()
