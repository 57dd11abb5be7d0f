"""Funds and their clawbacks as the API writes them, and what may be asked of one."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from distributions import funds
from distributions.models import FundArrangement
from distributions.models.fund_arrangements import FundStatus
from distributions.operations.fund_arrangements import MOST_OFFERINGS
from distributions.queries.clawbacks import DealLine, InvestorLine
from realco import money
from realco.api.serializers.fields import EnumField, MoneyText, StrictSerializer, moment, reference, text
from realco.api.serializers.pages import DayField, PageQuerySerializer
from realco.errors import Refusal


class FundSerializer(serializers.Serializer[FundArrangement]):
    """
    Offerings of one sponsor that are measured together, by terms of one of them.

    `tax_rate` is the part of a promote that need not be given back. `content_hash` is what was signed.
    """

    id = serializers.UUIDField(read_only=True)
    organization_id = serializers.UUIDField(read_only=True)
    name = text()
    version = serializers.IntegerField(read_only=True)
    status = EnumField(FundStatus, read_only=True)
    offering_ids = serializers.SerializerMethodField()
    terms_id = serializers.UUIDField(read_only=True)
    tax_rate = serializers.DecimalField(max_digits=7, decimal_places=6, read_only=True)
    note = text()
    content_hash = text()
    created_at = serializers.DateTimeField(read_only=True)
    activated_at = moment()
    superseded_at = moment()

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_offering_ids(self, fund: FundArrangement) -> list[str]:
        """Return the offerings that are its deals."""
        return sorted(str(deal.offering_id) for deal in fund.deals.all())


class FundListQuerySerializer(PageQuerySerializer):
    """Which funds, and which page of them."""

    organization_id = serializers.UUIDField(required=False)
    status = EnumField(FundStatus, required=False)


@extend_schema_field({"type": "string", "example": "0191f3c2-7c4e-7a8e-9a1b-000000000000:1700000.00"})
class SalesField(serializers.CharField):
    """Sales, each an offering's id, a colon and what it would bring; commas between them."""

    def to_internal_value(self, data: Any) -> Any:
        """
        Read the sales.

        :raises ValidationError: if one is no offering and amount, or an offering comes twice
        """
        sales: dict[UUID, Decimal] = {}
        for written in super().to_internal_value(data).split(","):
            key, _, amount = written.partition(":")
            try:
                offering_id = UUID(key)
                sale = money.positive(amount)
            except (ValueError, Refusal) as error:
                raise serializers.ValidationError(
                    f"“{written}” is no sale; write an offering's id, a colon and an amount such as 1700000.00."
                ) from error
            if offering_id in sales:
                raise serializers.ValidationError("Name every offering once.")
            sales[offering_id] = sale
        return sales


class ClawbackQuerySerializer(StrictSerializer):
    """As of which day, and what sales on that day would bring."""

    on = DayField(required=False, default=None, help_text="The end of which day; today if it is not given.")
    sales = SalesField(required=False, default=None, max_length=80 * MOST_OFFERINGS)


class DealSerializer(serializers.Serializer[DealLine]):
    """One deal up to the day; a sale that was asked about is not in `distributed` and `promote`."""

    offering_id = serializers.UUIDField(read_only=True)
    name = text()
    contributed = MoneyText(read_only=True)
    unreturned = MoneyText(read_only=True)
    distributed = MoneyText(read_only=True)
    promote = MoneyText(read_only=True)
    sale = MoneyText(read_only=True)
    sale_promote = MoneyText(read_only=True)


class ClawbackFiguresSerializer(serializers.Serializer[funds.Clawback]):
    """`due` is `excess`, which is what was `received` beyond what was `entitled`, but not above `after_tax`."""

    received = MoneyText(read_only=True)
    entitled = MoneyText(read_only=True)
    excess = MoneyText(read_only=True)
    after_tax = MoneyText(read_only=True)
    due = MoneyText(read_only=True)


class FundInvestorSerializer(serializers.Serializer[InvestorLine]):
    """One investor over all deals; `restored` is their part of the clawback."""

    investor_id = serializers.UUIDField(read_only=True)
    contributed = MoneyText(read_only=True)
    received = MoneyText(read_only=True)
    entitled = MoneyText(read_only=True)
    lacking = MoneyText(read_only=True)
    restored = MoneyText(read_only=True)


class ClawbackSerializer(serializers.Serializer[Any]):
    """
    A fund measured at the end of a day: as things are (`standing`), and after sales that were asked about (`result`).

    Capital that has not come back counts as lost. `sales_by_fund` is the promote on the sales if the fund's terms
    shared them out, null without any. Investors are for staff, and null for everybody else.
    """

    fund_id = reference()
    on = serializers.DateField(read_only=True)
    deals = DealSerializer(many=True, read_only=True)
    standing = ClawbackFiguresSerializer(read_only=True)
    result = ClawbackFiguresSerializer(read_only=True)
    sales_by_fund = MoneyText(read_only=True, allow_null=True)
    investors = FundInvestorSerializer(many=True, read_only=True, allow_null=True)
