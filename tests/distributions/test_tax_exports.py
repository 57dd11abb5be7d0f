"""Figures for tax forms as a file: what they are, who may have them, and that nothing in them is a formula."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.models import InvestorProfile
from distributions.models import TaxExport
from distributions.operations import tax_exports
from distributions.operations.tax_exports import YearNotOver
from distributions.queries.tax_exports import as_text
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from tests import factories
from tests.distributions.calls import item_of, make_called_deal, noticed, pay
from tests.distributions.deals import NOW, Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
END = datetime(2024, 12, 2, 17, 0, tzinfo=UTC)


@staged
def deal() -> Deal:
    return make_called_deal()


def exported(deal: Deal, by: User, year: int = 2024) -> list[dict[str, str]]:
    _, content = tax_exports.export(deal.offering, year=year, by=by, at=NOW)
    return list(csv.DictReader(io.StringIO(content)))


class TestExport:
    def test_says_what_came_in_and_what_arrived_in_the_year(self, deal: Deal) -> None:
        pay(deal, item_of(noticed(deal, "80000.00"), deal.investors[0]), at=datetime(2024, 3, 2, 17, 0, tzinfo=UTC))
        deal.earn("200000.00", at=END)
        deal.pay("200000.00", on=END.date(), at=END)

        [row, *others] = exported(deal, deal.operator)

        assert len(others) == 2
        assert (row["capital_at_start"], row["capital_contributed"]) == ("500000.00", "40000.00")
        assert row["interest_and_premium_on_calls"] == "394.52"
        assert row["capital_transferred_in_net"] == "0.00"
        returned, end = Decimal(row["capital_returned"]), Decimal(row["capital_at_end"])
        assert returned > 0
        assert end == 540_000 - returned
        assert Decimal(row["distributed_total"]) == (
            returned + Decimal(row["preferred_return_paid"]) + Decimal(row["profit_paid"])
        )

    def test_masks_tax_ids_unless_the_person_may_have_them(self, deal: Deal) -> None:
        InvestorProfile.objects.filter(user=deal.investors[0]).update(tax_id_last_four="6789")
        profile = InvestorProfile.objects.get(user=deal.investors[0])
        profile.tax_id = "123-45-6789"
        profile.save()
        officer = factories.make_user("Carl", "Compliance", is_staff=True)

        assert exported(deal, deal.operator)[0]["tax_id"] == "***-**-6789"
        assert exported(deal, officer)[0]["tax_id"] == "123-45-6789"
        assert list(TaxExport.objects.order_by("created_at").values_list("shows_tax_ids", flat=True)) == [False, True]

    def test_no_cell_is_a_formula(self, deal: Deal) -> None:
        InvestorProfile.objects.filter(user=deal.investors[0]).update(legal_name='=HYPERLINK("http://x")')
        assert exported(deal, deal.operator)[0]["legal_name"].startswith("'=")

    @pytest.mark.parametrize("words", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "  =1"])
    def test_a_formula_is_made_text(self, words: str) -> None:
        assert as_text(words) == f"'{words}"

    def test_leaves_an_audit_event_with_the_file_s_hash(self, deal: Deal) -> None:
        kept, _ = tax_exports.export(deal.offering, year=2024, by=deal.operator, at=NOW)
        event = AuditEvent.objects.get(entity_type="tax_exports", entity_id=str(kept.pk))
        assert (event.action, event.user) == ("tax_export.export", deal.operator)
        assert event.changes["after"]["content_hash"] == kept.content_hash

    def test_refuses_who_may_not(self, deal: Deal) -> None:
        with pytest.raises(NotPermitted):
            exported(deal, deal.approver)

    def test_refuses_a_year_that_is_not_over(self, deal: Deal) -> None:
        with pytest.raises(YearNotOver):
            exported(deal, deal.operator, NOW.year)

    def test_what_was_exported_stands(self, deal: Deal) -> None:
        exported(deal, deal.operator)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM tax_exports")
