"""Receipts and statements in the portal: one's own, explained in words, checked by a click or by a file."""

import json
import re
import zlib
from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from distributions import receipt_files, statement_files
from distributions.models import Distribution, DistributionAllocation
from distributions.queries import receipts, statements
from distributions.queries.statements import Quarter
from realco.models import User
from tests.distributions.deals import make_deal
from tests.portal.test_distributions import allocation, approved, submitted

__all__ = ["allocation", "approved", "submitted"]
CHECK = "portal:check_receipt"


def upload(client: Client, data: bytes) -> str:
    file = SimpleUploadedFile("receipt.json", data, content_type="application/json")
    answer = client.post(reverse(CHECK), {"file": file})
    assert answer.status_code == 200
    return answer.text


def inflated(pdf: bytes) -> bytes:
    """What a PDF holds, its compressed parts too."""
    parts = [pdf]
    for part in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            parts.append(zlib.decompress(part))
        except zlib.error:
            continue
    return b"".join(parts)


def url(allocation: DistributionAllocation, name: str = "distribution") -> str:
    return reverse(f"portal:{name}", kwargs={"allocation_id": allocation.pk})


class TestExplanation:
    def test_tells_in_words_where_the_amount_comes_from(
        self, portal: Client, allocation: DistributionAllocation
    ) -> None:
        page = portal.get(url(allocation)).text

        assert "In plain words" in page
        assert "you had put in $" in page
        assert "No distribution had paid you anything before." in page
        assert "Preferred return, tier 2" in page

    def test_tells_of_terms_without_a_preferred_return(self, db: None, sign_in: Callable[[User], Client]) -> None:
        deal = make_deal(template="straight_split")
        deal.earn("1000.00")
        deal.approve("1000.00")

        page = sign_in(deal.investors[0]).get(url(deal.investors[0].allocations.get()))

        assert page.status_code == 200
        assert "of your capital had not been returned by then." in page.text

    def test_checks_at_a_click(self, portal: Client, allocation: DistributionAllocation) -> None:
        page = portal.get(url(allocation), {"check": "1"}).text

        assert "It holds: every figure comes out again" in page


class TestReceiptFile:
    def test_is_downloaded_and_holds_when_brought_back(
        self, portal: Client, allocation: DistributionAllocation
    ) -> None:
        answer = portal.get(url(allocation, "receipt"))

        assert answer["Content-Disposition"].startswith("attachment")
        assert "It holds" in upload(portal, answer.content)

    def test_is_nobody_elses(
        self, approved: Distribution, allocation: DistributionAllocation, sign_in: Callable[[User], Client]
    ) -> None:
        other = approved.allocations.exclude(investor=allocation.investor).exclude(investment=None).get().investor
        client = sign_in(other)
        content = receipt_files.text_of(receipts.file_for(allocation)).encode()

        assert client.get(url(allocation, "receipt")).status_code == 404
        assert client.get(url(allocation, "distribution_statement")).status_code == 404
        assert "no receipt of yours" in upload(client, content)

    def test_names_what_was_changed(self, portal: Client, allocation: DistributionAllocation) -> None:
        content = receipts.file_for(allocation)
        content["receipt"]["result"]["total"] = "<b>9.99</b>"

        page = upload(portal, json.dumps(content).encode())

        assert "It does not hold" in page
        assert "receipt.result.total" in page
        assert "<b>9.99</b>" not in page

    @pytest.mark.parametrize("data", [b"{}", b"[" * 90_000, b"\xff" * 10, b'{"a": 1.5}'])
    def test_refuses_what_is_none(self, portal: Client, approved: Distribution, data: bytes) -> None:
        assert "notice error" in upload(portal, data)

    def test_refuses_what_is_too_large_or_empty(self, portal: Client) -> None:
        assert "larger than any receipt" in upload(portal, b" " * (receipt_files.MOST_BYTES + 1))
        assert "is empty" in upload(portal, b"")
        assert "Choose the file first" in portal.post(reverse(CHECK)).text


class TestStatements:
    def test_are_tagged_pdf(self, portal: Client, allocation: DistributionAllocation) -> None:
        content = portal.get(url(allocation, "distribution_statement")).content

        assert content.startswith(b"%PDF-")
        for mark in (b"/MarkInfo", b"/StructTreeRoot", b"/Lang", b"/Table", b"pdfuaid"):
            assert mark in inflated(content), mark

    def test_of_a_quarter_have_its_distributions_only(
        self, portal: Client, allocation: DistributionAllocation, investor: User, at: datetime
    ) -> None:
        on = allocation.distribution.as_of_date
        quarter = Quarter(on.year, (on.month + 2) // 3)
        found = statements.of_quarter(investor, quarter)

        assert [entry.allocation for entry in found.entries] == [allocation]
        assert found.net == allocation.net_amount
        assert statements.of_quarter(investor, Quarter(on.year - 1, 1)).entries == []
        assert str(quarter) in portal.get(reverse("portal:distributions")).text
        kwargs = {"year": quarter.year, "number": quarter.number}
        assert portal.get(reverse("portal:quarter_statement", kwargs=kwargs)).content[:5] == b"%PDF-"

    def test_of_a_quarter_that_has_not_begun_are_not_found(self, portal: Client, at: datetime) -> None:
        for year, number in ((2099, 1), (at.year + 1, 2)):
            kwargs = {"year": year, "number": number}
            assert portal.get(reverse("portal:quarter_statement", kwargs=kwargs)).status_code == 404

    def test_have_four_quarters_a_year(self, portal: Client) -> None:
        assert portal.get(reverse("portal:quarter_statement", kwargs={"year": 2026, "number": 5})).status_code == 404
        assert [str(Quarter(2026, number).last_day) for number in (1, 2, 3, 4)] == [
            "2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31",
        ]  # fmt: skip

    def test_say_so_where_the_machine_cannot_make_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(statement_files, "find_library", lambda name: None)

        [warning] = statement_files.check_pango()
        assert "Pango" in warning.msg

    def test_fetch_nothing(self) -> None:
        with pytest.raises(ValueError, match="fetches nothing"):
            statement_files._fetch_nothing("file:///etc/passwd")
