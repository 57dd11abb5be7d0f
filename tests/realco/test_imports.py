"""Files as sponsors write them: read whole, judged row by row, imported once however often."""

import io
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.models import ComplianceCheck, InvestorProfile
from escrow.models import EscrowAccount
from escrow.operations import closings
from finance.models import BankAccount, Transaction
from realco.errors import Refusal
from realco.imports import csv_files, investors
from realco.imports.csv_files import BadRow, Report, Row, UnreadableFile
from realco.models import AuditEvent, Organization, User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.stages import staged

Write = Callable[..., Path]
INVESTOR = (
    "ivy@example.com,Ivy Ingram,Ivy,INDIVIDUAL,1960-01-01,900-10-1000,1 Elm St,"
    '"95,000.00",,Harbor,110000000,4400001,SAVINGS,yes'
)


@staged
def at() -> datetime:
    """Import commands read the clock, so the story is told at its time."""
    return stage.begin()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*lines: str, name: str = "file.csv", ending: str = "\n", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes((ending.join(lines) + ending).encode(encoding))
        return path

    return write


def rows(path: Path) -> list[tuple[int, dict[str, str] | str]]:
    """What is read: each row's line and values, or its problem."""
    found = csv_files.read(path, ["name", "amount"])
    return [(row.line, row.values if isinstance(row, Row) else row.problem) for row in found]


class TestRead:
    def test_quotes_blank_lines_and_spaces_are_no_matter(self, write: Write) -> None:
        path = write("Name , AMOUNT", "", '"Lee, Ann"," 1,000.00 "', " , ", "", " Bob ,2", '"He said ""yes""",3')
        assert rows(path) == [
            (3, {"name": "Lee, Ann", "amount": "1,000.00"}),
            (6, {"name": "Bob", "amount": "2"}),
            (7, {"name": 'He said "yes"', "amount": "3"}),
        ]

    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_every_office_program_may_have_saved_it(self, write: Write, ending: str, encoding: str) -> None:
        path = write("name,amount", "Zoë,1", '"two', 'lines",2', ending=ending, encoding=encoding)
        assert rows(path) == [(2, {"name": "Zoë", "amount": "1"}), (4, {"name": "two\nlines", "amount": "2"})]

    def test_columns_may_stand_in_any_order_and_others_beside_them(self, write: Write) -> None:
        assert rows(write("amount,colour,name", "1,red,Ann")) == [(2, {"amount": "1", "colour": "red", "name": "Ann"})]

    @pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0c", "\x1c"])
    def test_only_line_ends_end_lines(self, write: Write, separator: str) -> None:
        assert rows(write("name,amount", f"A{separator}B,1", "C,2")) == [
            (2, {"name": f"A{separator}B", "amount": "1"}),
            (3, {"name": "C", "amount": "2"}),
        ]

    def test_a_row_that_is_too_short_or_too_long_is_reported_by_line(self, write: Write) -> None:
        found = rows(write("name,amount", "Ann", "Bob,1", "Cid,1,2"))
        assert [line for line, _ in found] == [2, 3, 4]
        assert found[0][1] == "1 values for 2 columns; is a quote missing?"
        assert found[2][1] == "3 values for 2 columns; is a quote missing?"

    def test_a_row_that_no_database_can_keep_is_reported_by_line(self, write: Write) -> None:
        [(line, problem)] = rows(write("name,amount", "A\0B,1"))
        assert (line, "NUL" in problem) == (2, True)

    @pytest.mark.parametrize(
        ("lines", "problem"),
        [
            (["name"], "lacks the columns: amount"),
            ([""], "lacks the columns: name, amount"),
            (["name,amount,Name"], "has the columns twice: name"),
            (["name,amount", '"Ann,1', "Bob,2"], "line 3"),
            (["name,amount", '"Ann"x,1'], "line 2"),
        ],
    )
    def test_says_what_is_wrong_with_a_file(self, write: Write, lines: list[str], problem: str) -> None:
        with pytest.raises(UnreadableFile, match=problem):
            rows(write(*lines))

    def test_says_that_a_file_is_not_there_or_not_text(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableFile, match="no file"):
            rows(tmp_path / "absent.csv")
        (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
        with pytest.raises(UnreadableFile, match="UTF-8"):
            rows(tmp_path / "book.xlsx")
        with pytest.raises(UnreadableFile, match="cannot be read"):
            rows(tmp_path)


@pytest.mark.django_db
class TestImportRows:
    def import_names(self, path: Path, *, skip_bad: bool) -> Report:
        """Make an organization of each name; “bad” is refused."""
        owner = factories.make_user("Olga Owner")

        def import_row(row: Row) -> bool:
            _, is_new = Organization.objects.get_or_create(
                name=row["name"], defaults={"kind": "SPONSOR", "owner": owner}
            )
            if row["name"].startswith("bad"):
                raise Refusal("It is bad.")
            return is_new

        return csv_files.import_rows(path, ["name", "amount"], import_row, skip_bad=skip_bad)

    def names(self) -> set[str]:
        return set(Organization.objects.values_list("name", flat=True))

    def test_one_bad_row_stops_all_and_every_bad_row_is_told(self, write: Write) -> None:
        path = write("name,amount", "Ann,1", "bad,1", "Bob", "Cid,1", "bad too,1")
        report = self.import_names(path, skip_bad=False)
        assert (report.imported, report.was_kept, self.names()) == (0, False, set())
        assert [str(bad) for bad in report.bad] == [
            "file.csv, line 3: It is bad.",
            "file.csv, line 4: 1 values for 2 columns; is a quote missing?",
            "file.csv, line 6: It is bad.",
        ]

    def test_bad_rows_are_left_out_when_asked_to(self, write: Write) -> None:
        path = write("name,amount", "Ann,1", "bad,1", "Ann,1", "Cid,1")
        report = self.import_names(path, skip_bad=True)
        assert report == Report(2, 1, (BadRow("file.csv", 3, "It is bad."),), True)
        assert self.names() == {"Ann", "Cid"}

    def test_a_value_too_long_for_its_column_is_a_bad_row(self, write: Write) -> None:
        report = self.import_names(write("name,amount", "x" * 201 + ",1", "Ann,1"), skip_bad=True)
        assert [str(bad) for bad in report.bad] == ["file.csv, line 2: A value is longer than it can be."]
        assert self.names() == {"Ann"}

    def test_a_file_broken_at_its_end_imports_nothing(self, write: Write) -> None:
        with pytest.raises(UnreadableFile):
            self.import_names(write("name,amount", "Ann,1", '"Bob,1'), skip_bad=True)
        assert self.names() == set()


def run(command: str, path: Path, by: User, **options: object) -> tuple[str, str]:
    """Run an import command; returns what it said and what it complained of."""
    said, complained = io.StringIO(), io.StringIO()
    try:
        call_command(command, str(path), by=by.email, stdout=said, stderr=complained, **options)
    except CommandError as error:
        complained.write(str(error))
    return said.getvalue(), complained.getvalue()


@pytest.mark.django_db
class TestInvestors:
    @pytest.fixture
    def file(self, write: Write) -> Callable[..., Path]:
        def file(*lines: str) -> Path:
            return write(",".join(investors.COLUMNS), *lines, name="investors.csv")

        return file

    def test_brings_a_person_with_profile_bank_account_and_open_questions(
        self, file: Callable[..., Path], operator: User
    ) -> None:
        said, _ = run("import_investors", file(INVESTOR), operator)
        assert said == "investors.csv: 1 investors imported, 0 there already, 0 skipped.\n"
        ivy = User.objects.get(email="ivy@example.com")
        profile, account = InvestorProfile.objects.get(user=ivy), BankAccount.objects.get(user=ivy)
        assert (profile.legal_name, profile.annual_income, profile.net_worth) == (
            "Ivy Ingram",
            Decimal("95000.00"),
            None,
        )
        assert (profile.kyc_status, profile.is_accredited, profile.tax_id) == ("PENDING", False, "900101000")
        assert (account.status, account.kind, account.last_four) == ("PENDING_VERIFICATION", "SAVINGS", "0001")
        assert ComplianceCheck.objects.get(subject=ivy, check_type="ACCREDITATION").status == "MANUAL_REVIEW"
        assert (ivy.has_usable_password(), ivy.is_staff) == (False, False)

    def test_twice_adds_nothing_whoever_does_it(self, file: Callable[..., Path], operator: User) -> None:
        run("import_investors", file(INVESTOR), operator)
        other = factories.make_user("Ossi Operator", "Operations", is_staff=True)
        said, _ = run("import_investors", file(INVESTOR.replace("ivy@", "IVY@")), other)
        assert said == "investors.csv: 0 investors imported, 1 there already, 0 skipped.\n"
        assert BankAccount.objects.filter(user__email="ivy@example.com").count() == 1

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("ivy@example.com", "ivy at example", "no e-mail address"),
            ("Ivy Ingram", "", "full legal name"),
            ("INDIVIDUAL", "TRUSTWORTHY", "individual or an entity"),
            ("1960-01-01", "01/02/1960", "is no date"),
            ("1960-01-01", "2160-01-01", "in the future"),
            ("900-10-1000", "12", "nine digits"),
            ("95,000.00", "95.000,00", "is not an amount"),
            ("110000000", "110000001", "routing number"),
            ("4400001", "44", "account number"),
            ("SAVINGS", "PIGGY", "CHECKING or SAVINGS"),
            (",yes", ",perhaps", "neither yes nor no"),
            ("ivy@example.com", "i" * 300 + "@example.com", "longer than it can be"),
        ],
    )
    def test_says_which_line_cannot_be_and_why(
        self, file: Callable[..., Path], operator: User, old: str, new: str, problem: str
    ) -> None:
        people = User.objects.count()
        path = file(INVESTOR.replace("ivy@", "otto@").replace("900-10-1000", "900-10-2000"), INVESTOR.replace(old, new))
        said, complained = run("import_investors", path, operator)
        assert said == ""
        assert complained.startswith("investors.csv, line 3: ")
        assert problem in complained
        assert "Nothing was imported: 1 rows are malformed" in complained
        assert User.objects.count() == people
        assert (
            "1 investors imported, 0 there already, 1 skipped"
            in run("import_investors", path, operator, skip_bad=True)[0]
        )

    def test_is_for_staff_who_may(self, file: Callable[..., Path], investor: User, approver: User) -> None:
        assert "Nobody on the staff" in run("import_investors", file(INVESTOR), investor)[1]
        assert "permission" in run("import_investors", file(INVESTOR), approver)[1]
        assert not User.objects.filter(email="ivy@example.com").exists()

    def test_is_signed_in_the_audit_trail(self, file: Callable[..., Path], operator: User) -> None:
        run("import_investors", file(INVESTOR), operator)
        event = AuditEvent.objects.get(entity_type="users", operation="INSERT", changes__after__email="ivy@example.com")
        assert (event.user, event.action, event.reason) == (operator, "import.investors", "investors.csv")


@pytest.mark.django_db
class TestSubscriptions:
    @pytest.fixture
    def slug(self, escrow: EscrowAccount, investor: User) -> str:
        return escrow.offering.slug

    @pytest.fixture
    def file(self, write: Write, investor: User) -> Callable[..., Path]:
        def file(*lines: str) -> Path:
            filled = [line.replace("IVY", investor.email) for line in lines]
            return write("reference,email,amount,method,note", *filled, name="subscriptions.csv")

        return file

    def test_asks_for_each_deposit(self, file: Callable[..., Path], slug: str, investor: User, operator: User) -> None:
        path = file('S-1,IVY,"$1,000.00",ach,', "", "S-2,IVY,2000,WIRE,second", "S-3,IVY,500.5,CHECK,")
        said, complained = run("import_subscriptions", path, operator, offering=slug)
        assert (said, complained) == ("subscriptions.csv: 3 subscriptions imported, 0 there already, 0 skipped.\n", "")
        found = Transaction.objects.order_by("amount").values_list("amount", "payment_method", "status", "initiated_by")
        assert list(found) == [
            (Decimal("500.50"), "CHECK", "QUEUED", operator.pk),
            (Decimal("1000.00"), "ACH", "QUEUED", operator.pk),
            (Decimal("2000.00"), "WIRE", "QUEUED", operator.pk),
        ]
        assert set(Transaction.objects.values_list("from_user", flat=True)) == {investor.pk}

    def test_twice_pays_once_whoever_does_it(self, file: Callable[..., Path], slug: str, operator: User) -> None:
        path = file("S-1,IVY,1000,ACH,", "S-1,IVY,1000,ACH,")
        other = factories.make_user("Ossi Operator", "Operations", is_staff=True)
        assert (
            "1 subscriptions imported, 1 there already" in run("import_subscriptions", path, operator, offering=slug)[0]
        )
        assert "0 subscriptions imported, 2 there already" in run("import_subscriptions", path, other, offering=slug)[0]
        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize("line", ["S-1,IVY,1000.01,ACH,", "S-1,IVY,1000,WIRE,"])
    def test_a_reference_is_not_used_again_for_something_else(
        self, file: Callable[..., Path], slug: str, operator: User, line: str
    ) -> None:
        run("import_subscriptions", file("S-1,IVY,1000,ACH,"), operator, offering=slug)
        _, complained = run("import_subscriptions", file(line), operator, offering=slug)
        assert complained.startswith(
            "subscriptions.csv, line 2: The reference S-1 was imported before: $1,000.00 by ACH"
        )
        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            (",IVY,1000,ACH,", "a reference of its own"),
            ("S-1,nobody@example.com,1000,ACH,", "import investors first"),
            ('S-1,IVY,"12.500,00",ACH,', "is not an amount"),
            ("S-1,IVY,-5,ACH,", "more than zero"),
            ("S-1,IVY,0,ACH,", "more than zero"),
            ("S-1,IVY,1e5,ACH,", "is not an amount"),
            ("S-1,IVY,10.001,ACH,", "cent"),
            ("S-1,IVY,1000,CASH,", "no payment method"),
            ("S-1,IVY,1000,", "4 values for 5 columns"),
            ('S-1,IVY,"5,000,000",WIRE,', "5,000,000.00"),
        ],
    )
    def test_says_which_line_cannot_be_and_why(
        self, file: Callable[..., Path], slug: str, operator: User, line: str, problem: str
    ) -> None:
        _, complained = run("import_subscriptions", file("S-0,IVY,1000,ACH,", line), operator, offering=slug)
        assert complained.startswith("subscriptions.csv, line 3: ")
        assert problem in complained.splitlines()[0]
        assert not Transaction.objects.exists()

    def test_says_which_offerings_there_are(self, file: Callable[..., Path], slug: str, operator: User) -> None:
        _, complained = run("import_subscriptions", file(), operator, offering="nowhere")
        assert f"There are: {slug}" in complained


@pytest.mark.django_db
class TestIncome:
    def test_is_the_sponsors_deposit_after_the_closing(
        self, write: Write, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        path = write("reference,period,amount,method,description", 'I-1,July,"1,000.00",WIRE,Rent', name="income.csv")
        slug = escrow.offering.slug
        assert "after it has closed its raise" in run("import_income", path, operator, offering=slug)[1]
        factories.fund(investor, escrow, "10000.00", at=at)
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        assert "1 income imported" in run("import_income", path, operator, offering=slug)[0]
        assert "0 income imported, 1 there already" in run("import_income", path, operator, offering=slug)[0]
        payment = Transaction.objects.get(type="ESCROW_DEPOSIT")
        assert (payment.amount, payment.description) == (Decimal("1000.00"), "July: Rent")
        assert payment.from_user == escrow.offering.organization.owner
