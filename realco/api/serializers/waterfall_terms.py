"""Waterfall terms, their examples and what comes of holding one against the other, as the API reads and writes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from distributions.examples import Figure
from distributions.models import WaterfallTerms
from distributions.models.waterfall_terms import TermsStatus
from distributions.queries import terms as queries
from distributions.terms_data import as_data
from realco.api.serializers.fields import (
    EnumField,
    MoneyText,
    StrictSerializer,
    TextField,
    moment,
    reference,
    text,
)
from realco.api.serializers.pages import DayField, PageQuerySerializer


@extend_schema_field({"type": "object", "additionalProperties": True})
class TermsDataField(serializers.DictField):
    """Terms as data, in the form `waterfall-terms/1` of docs/waterfall.md."""


@extend_schema_field({"type": "array", "items": {"type": "array", "items": {"type": "string"}}})
class LinesField(serializers.ListField):
    """Lines of a worked example; each is a list of texts."""

    child = serializers.ListField(child=serializers.CharField(max_length=100, allow_blank=True), max_length=4)


class TermsVersionSerializer(serializers.Serializer[WaterfallTerms]):
    """One version of an offering's terms. `content_hash` is what its activation signs."""

    id = serializers.UUIDField(read_only=True)
    offering_id = serializers.UUIDField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    status = EnumField(TermsStatus, read_only=True)
    effective_from = serializers.DateField(read_only=True)
    superseded_from = serializers.DateField(read_only=True, allow_null=True)
    note = text()
    terms = serializers.SerializerMethodField()
    content_hash = serializers.SerializerMethodField()
    created_by_id = reference()
    created_at = serializers.DateTimeField(read_only=True)
    activated_by_id = reference()
    activated_at = moment()
    withdrawn_reason = text()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_terms(self, version: WaterfallTerms) -> dict[str, Any]:
        """Return the terms as data."""
        return as_data(queries.as_engine(version))

    def get_content_hash(self, version: WaterfallTerms) -> str:
        """Return what was signed, or of a draft what would be signed now."""
        return version.content_hash or queries.content_hash(version)


class TermsListQuerySerializer(PageQuerySerializer):
    """Which versions, and which page of them."""

    offering_id = serializers.UUIDField(required=False)
    status = EnumField(TermsStatus, required=False)


class TermsOrderSerializer(StrictSerializer):
    """A version to be drafted: from a template, or from terms as data."""

    offering_id = serializers.UUIDField()
    effective_from = DayField(help_text="The first day on which distributions are to run on these terms.")
    note = TextField(required=False, allow_blank=True, default="", help_text="Which agreement they are from.")
    template = TextField(required=False, max_length=60)
    terms = TermsDataField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for one of the two.

        :raises ValidationError: if there is none, or both
        """
        if ("template" in attrs) == ("terms" in attrs):
            raise serializers.ValidationError({"terms": ["Give a template or terms, one of the two."]})
        return attrs


class ExampleOrderSerializer(StrictSerializer):
    """A worked example of the operating agreement; days such as 2025-12-31, amounts as text."""

    source = TextField(help_text="Where it stands: section and page.")  # type: ignore[assignment]
    on = TextField(max_length=10, help_text="The day of the distribution.")
    amount = TextField(max_length=40)
    contributions = LinesField(help_text="Party, day, amount and, where there are classes, class.")
    earlier = LinesField(required=False, default=list, help_text="Day and amount of each distribution before.")
    expected = LinesField(help_text="Party and what it gets.")
    sponsor = TextField(max_length=40, help_text="What the sponsor gets as its promote.")
    tiers = LinesField(required=False, default=list, help_text="Number of the tier, investors, sponsor.")


class ActivationSerializer(StrictSerializer):
    """A signature under terms and examples as they were seen."""

    content_hash = TextField(max_length=64, help_text="The `content_hash` of the version that was read.")


class FigureSerializer(serializers.Serializer[Figure]):
    """One figure: as the agreement has it, as the terms give it."""

    what = text()
    expected = MoneyText(read_only=True)
    computed = MoneyText(read_only=True)
    difference = MoneyText(read_only=True)


class CheckedExampleSerializer(serializers.Serializer[Any]):
    """One example with its figures; `problem` says why it could not be worked."""

    id = serializers.UUIDField(read_only=True)
    source = text()  # type: ignore[assignment]
    reproduces = serializers.BooleanField(read_only=True)
    problem = text()
    figures = FigureSerializer(many=True, read_only=True)


class CheckSerializer(serializers.Serializer[Any]):
    """Every worked example of a version; it can be activated when all come out to the cent."""

    terms_id = serializers.UUIDField(read_only=True)
    content_hash = text()
    reproduces = serializers.BooleanField(read_only=True)
    examples = CheckedExampleSerializer(many=True, read_only=True)
