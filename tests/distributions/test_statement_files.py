"""Statements as PDF: every mark on the page has its tag, every table its headers."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from weasyprint import HTML

from distributions import statement_files
from distributions.models import Distribution, DistributionAllocation
from distributions.queries.investor_distributions import Standing, TierShare
from distributions.queries.receipt_words import Changed, Moved, Paid, Span, Told
from distributions.queries.statements import Entry, Statement
from realco.models import Offering, User
from tests.tagged_pdf import Tagged

pytestmark = pytest.mark.slow

AT = datetime(2026, 3, 1, tzinfo=UTC)
D = Decimal


def statement(entries: int = 1) -> Statement:
    """A statement with all that one can have, on several pages."""
    distribution = Distribution(
        offering=Offering(name="Maple Court"), distribution_number="DIST-2026-0001", as_of_date=date(2025, 12, 31)
    )
    allocation = DistributionAllocation(
        distribution=distribution,
        return_of_capital=D("100.00"),
        preferred_return=D("20.00"),
        profit_split=D("3.00"),
        sponsor_catch_up=D("0.00"),
        total_amount=D("123.00"),
        fee_amount=D("1.00"),
        withholding_amount=D("2.00"),
        net_amount=D("120.00"),
        status="COMPLETED",
    )
    moved = Moved(date(2024, 7, 1), None, D("200.00"), D("150.00"), D("4.00"))
    spans = tuple(
        Span(date(2024, month, 1), date(2024, month + 1, 1), 30, D("100.00"), D("0.08"), D("0.66"), D("4.66"))
        for month in range(1, 12)
    )
    told = Told(
        sha256="0" * 64,
        sentences=(moved.words, "One earlier distribution had paid you $5.00: $5.00 of preferred return."),
        contributions=(),
        accruals=(("Preferred return, tier 1: $20.00 owed on the day", spans),),
        paid_before=(Paid(date(2024, 1, 1), D("0.00"), D("5.00"), D("0.00")),),
        changed=(Changed("Profit", D("4.00"), D("3.00")),),
        decided_because="Side letter",
        moves=(moved,),
    )
    tier = TierShare("8% preferred return", "Investors earn 8% a year.", D("20.00"), D("20.00"), D("0.00"), D("20.00"))
    standing = Standing(D("200.00"), D("150.00"), D("50.00"), D("20.00"), D("0.00"))
    entry = Entry(allocation, [tier] * 4, standing, told)
    return Statement(User(email="ivy.ingram@example.com"), "Statement of 2025 Q4", [entry] * entries)


class TestPdfOf:
    @pytest.mark.parametrize("entries", [0, 1, 4])
    def test_keeps_the_rules_of_tagged_pdf(self, entries: int) -> None:
        tagged = Tagged(statement_files.pdf_of(statement(entries), at=AT))

        assert tagged.faults() == []
        # Only what stands at the foot of each page is passed over: whose it is, and the number of the page.
        assert len(tagged.aside) == 2 * len(tagged.reader.pages)

    def test_says_its_language_and_title(self) -> None:
        tagged = Tagged(statement_files.pdf_of(statement(), at=AT))

        assert tagged.catalog["/Lang"] == "en"
        assert tagged.reader.metadata is not None
        assert tagged.reader.metadata.title == "Statement of 2025 Q4"

    def test_has_a_table_with_a_caption_for_each_kind_of_figure(self) -> None:
        tagged = Tagged(statement_files.pdf_of(statement(), at=AT))

        tables = tagged.elements("Table")
        # Summary, tiers, where it leaves one, accrual, paid before.
        assert len(tables) == 5
        assert [len([one for one in table.below() if one.kind == "Caption"]) for table in tables] == [1] * 5
        assert len(tagged.elements("H1")) == 1


class TestTheChecker:
    """What it is to find, it finds."""

    def faults(self, body: str, *, head: str = "<title>T</title>", variant: str | None = "pdf/ua-1") -> list[str]:
        document = HTML(string=f"<html lang=en><head>{head}</head><body>{body}</body></html>")
        return Tagged(bytes(document.write_pdf(pdf_variant=variant))).faults()

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("<h1>One</h1><h3>Three</h3>", "H3 follows a heading of level 1."),
            ("<table><tr><td>1</td><td>2</td></tr></table>", "A table has no headers."),
            (
                "<table><tr><th scope=col>a</th><th scope=col>b</th></tr><tr><td>1</td></tr></table>",
                "A table has rows of [1, 2] cells.",
            ),
        ],
    )
    def test_finds_a_fault_of_the_structure(self, body: str, words: str) -> None:
        assert words in self.faults(body)

    def test_finds_that_a_document_is_not_tagged(self) -> None:
        found = self.faults("<p>Hello</p>", variant=None)

        assert "The document does not say that it is tagged." in found
        assert any("neither tagged nor an artifact" in fault for fault in found)

    def test_finds_that_there_is_no_title(self) -> None:
        assert "The document has no title." in self.faults("<p>Hello</p>", head="")

    def test_finds_nothing_in_what_is_right(self) -> None:
        assert self.faults("<h1>One</h1><p>Hello</p>") == []
