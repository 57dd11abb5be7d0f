"""Layouts in admin: what is saved is what was seen, and what a file brought is said."""

from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from escrow.models import BankFileLayout, BankStatement, EscrowAccount
from escrow.operations import bank_file_layouts, escrow_accounts
from realco.models import User
from tests import factories
from tests.escrow.bank_days import CSV, CSV_LAYOUT, MT940
from tests.stages import staged

ADDRESS = reverse("admin:escrow_bankfilelayout_task", args=["add"])
IMPORT = reverse("admin:escrow_bankstatement_task", args=["import"])
GIVEN = {
    "name": "First Bank", "bank_name": "First Bank", "delimiter": ",", "encoding": "", "skip_rows": "1",
    "has_header": "on", "skip_last_rows": "0", "date_format": "MM/DD/YYYY", "decimal": ".", "thousands": ",",
    "account_number": "111", "credit_words": "C", "debit_words": "D", "column_date": "Booked", "column_debit": "Out",
    "column_credit": "In", "column_balance": "Balance", "column_text": "Words\nKind",
}  # fmt: skip


def look(client: Client, **changes: object) -> Any:
    return client.post(ADDRESS, {**GIVEN, **changes})


def sample(contents: bytes = CSV) -> SimpleUploadedFile:
    return SimpleUploadedFile("march.csv", contents)


@staged
def account(operator: User, at: datetime) -> EscrowAccount:
    offering = factories.make_offering(operator=operator, at=at)
    return escrow_accounts.open_account(offering, bank_account_id=None, external_account_id="111", by=operator, at=at)


class TestAdding:
    def test_shows_what_it_reads_before_it_saves(self, operator_client: Client) -> None:
        first = look(operator_client, sample=sample())
        form = first.context["form"]
        assert first.status_code == 200 and not BankFileLayout.objects.exists()
        assert b"Nothing is saved yet" in first.content and b"Save this layout" in first.content
        read, raw = form.tables
        assert [row[0] for row in read.rows] == [3, 5, 6] and "Deposit of Mrs. A DEP" in read.rows[0]
        assert raw.rows[0][:2] == [2, "Booked"]

        again = look(operator_client, kept_sample=form["kept_sample"].value(), seen=form["seen"].value())
        layout = BankFileLayout.objects.get()
        assert again.status_code == 302 and again["Location"].endswith(f"/{layout.pk}/change/")
        assert layout.contents["columns"]["text"] == ["Words", "Kind"]

    def test_asks_for_another_look_after_a_change(self, operator_client: Client) -> None:
        form = look(operator_client, sample=sample()).context["form"]
        changed = look(
            operator_client, kept_sample=form["kept_sample"].value(), seen=form["seen"].value(), column_text="Words"
        )
        assert changed.status_code == 200 and b"Nothing is saved yet" in changed.content
        assert not BankFileLayout.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"column_debit": "Spent"}, "“Spent” is not there"),
            ({"date_format": "DD/MM/YY"}, "not a day like DD/MM/YY"),
            ({"column_amount": "In"}, "which column is the amount"),
            ({"thousands": "."}, "cannot be the same"),
            ({"sample": None}, "Choose a sample file"),
            ({"sample": sample(b"PK\x03\x04")}, "zip archive"),
            ({"sample": sample(CSV.replace(b"1,699.50", b"1,699.51"))}, "Line 5: the balance goes from"),
            ({"sample": None, "kept_sample": "%%%"}, "Choose a sample file"),
        ],
    )
    def test_says_what_is_wrong(self, operator_client: Client, changes: dict[str, object], words: str) -> None:
        given: dict[str, object] = {"sample": sample(), **changes}
        answer = look(operator_client, **{name: value for name, value in given.items() if value is not None})
        assert words in " ".join(str(error) for errors in answer.context["form"].errors.values() for error in errors)
        assert not BankFileLayout.objects.exists()

    def test_a_next_version_begins_with_the_last(self, operator: User, operator_client: Client, at: datetime) -> None:
        layout = bank_file_layouts.add("A", bank_name="B", contents=CSV_LAYOUT, by=operator, at=at)
        page = operator_client.get(reverse("admin:escrow_bankfilelayout_change", args=[layout.pk]))
        [(label, address)] = page.context["pages"]
        form = operator_client.get(address).context["form"]
        assert label == "Make the next version"
        assert (form["column_debit"].value(), form["skip_rows"].value(), bool(form["newest_first"].value())) == (
            "Out", "1", False,
        )  # fmt: skip

    def test_is_closed_to_who_may_not_reconcile(self, approver_client: Client) -> None:
        assert approver_client.get(ADDRESS).status_code == 403
        assert look(approver_client, sample=sample()).status_code == 403


class TestImporting:
    def test_says_what_was_added_and_what_was_known(self, account: EscrowAccount, operator_client: Client) -> None:
        def bring(contents: bytes, **given: object) -> str:
            file = SimpleUploadedFile("a.mt940", contents)
            answer = operator_client.post(IMPORT, {"file": file, **given}, follow=True)
            return " ".join(map(str, answer.context["messages"]))

        assert "Imported as MT940: 3 of 3 lines added, 2 days of 1 account." in bring(MT940)
        assert "0 of 3 lines added, 2 days of 1 account. 3 were known before." in bring(MT940 + b"\n")
        assert "It added nothing." in bring(MT940, file_format="MT940")

    def test_reads_csv_by_the_layout_that_is_chosen(
        self, account: EscrowAccount, operator: User, operator_client: Client, at: datetime
    ) -> None:
        layout = bank_file_layouts.add("First Bank", bank_name="B", contents=CSV_LAYOUT, by=operator, at=at)
        operator_client.post(IMPORT, {"file": sample(), "layout": layout.pk, "account": account.pk})
        assert set(BankStatement.objects.values_list("file_format", "layout")) == {("CSV", layout.pk)}

    @pytest.mark.parametrize(
        ("contents", "given", "words"),
        [
            (MT940.replace(b"C700,00", b"C700.00"), {}, "Line 6: "),
            (CSV, {}, "CSV needs a layout"),
            (MT940, {"file_format": "OFX"}, "Line 1: there is no &lt;OFX&gt;"),
            (MT940, {"closing_balance": "1,2"}, "is not an amount"),
            (MT940, {"closing_balance": "5"}, "a file in MT940 states its own"),
        ],
    )
    def test_names_the_line_and_the_reason(
        self, account: EscrowAccount, operator_client: Client, contents: bytes, given: dict[str, str], words: str
    ) -> None:
        answer = operator_client.post(IMPORT, {"file": SimpleUploadedFile("a", contents), **given})
        assert words in answer.content.decode()
        assert not BankStatement.objects.exists()
