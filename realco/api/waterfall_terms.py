"""Waterfall terms over REST: draft a version, enter worked examples, hold them against it, activate it. For staff."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions import terms as engine
from distributions import terms_data
from distributions.models import WaterfallTerms
from distributions.operations import terms, waterfall_examples
from distributions.queries import terms as queries
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import READING, STEP, WRITING, identified, operation
from realco.api.serializers.fields import ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.api.serializers.waterfall_terms import (
    ActivationSerializer,
    CheckSerializer,
    ExampleOrderSerializer,
    TermsListQuerySerializer,
    TermsOrderSerializer,
    TermsVersionSerializer,
)

TAG = "Waterfall terms"
ID = identified("terms_id")


class Versions(Endpoint):
    """Every version of waterfall terms."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_waterfall_terms",
        "List waterfall terms",
        answers=page_of("WaterfallTermsPage", TermsVersionSerializer),
        parameters=[TermsListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List versions of offerings' terms, newest first; others than staff see none."""
        wanted = read_query(TermsListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.waterfall_terms(asker(request)).filter(**wanted)
        return listed(TermsVersionSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "draft_waterfall_terms",
        "Draft waterfall terms",
        request=TermsOrderSerializer,
        answers=TermsVersionSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """Draft a version, from a template or from terms as data. It counts for nothing until it is activated."""
        person = asker(request)
        asked = read(TermsOrderSerializer, request.data)
        offering = visibility.offering(person, asked["offering_id"])
        said: dict[str, Any] = {
            "effective_from": asked["effective_from"], "note": asked["note"], "by": person, "at": clock.now(),
        }  # fmt: skip
        if asked.get("template"):
            version = terms.draft_from_template(offering, template=asked["template"], **said)
        else:
            version = terms.draft(offering, terms=_made(asked["terms"]), **said)
        return answer(TermsVersionSerializer, version, request, status=201)


class OneVersion(Endpoint):
    """One version."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_waterfall_terms",
        "Get waterfall terms",
        answers=TermsVersionSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, terms_id: str) -> Response:
        """Get one version, with its tiers and the hash that its activation signs."""
        return answer(TermsVersionSerializer, visibility.terms_version(asker(request), terms_id), request)


class Examples(Endpoint):
    """The worked examples of one version."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "create"}

    @operation(
        "enter_waterfall_example",
        "Enter a worked example",
        request=ExampleOrderSerializer,
        answers=CheckSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, terms_id: str) -> Response:
        """Enter a worked example of the operating agreement for a draft, and hold all of its examples against it."""
        person = asker(request)
        version = visibility.terms_version(person, terms_id)
        example = read(ExampleOrderSerializer, request.data)
        waterfall_examples.enter(version, example=example, by=person, at=clock.now())
        return answer(CheckSerializer, _checked(visibility.terms_version(person, terms_id)), request, status=201)


class Check(Endpoint):
    """What a version makes of its examples."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "check_waterfall_terms",
        "Hold worked examples against terms",
        answers=CheckSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, terms_id: str) -> Response:
        """Work every example by the terms: expected, computed, difference, for each figure. Changes nothing."""
        return answer(CheckSerializer, _checked(visibility.terms_version(asker(request), terms_id)), request)


class Activate(Endpoint):
    """A draft comes into force."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "activate_waterfall_terms",
        "Activate waterfall terms",
        request=ActivationSerializer,
        answers=TermsVersionSerializer,
        errors=STEP,
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, terms_id: str) -> Response:
        """Bring a draft into force that somebody else drafted, once every worked example comes out to the cent."""
        person = asker(request)
        version = visibility.terms_version(person, terms_id)
        said = read(ActivationSerializer, request.data)
        terms.activate(version, content_hash=said["content_hash"], approver=person, at=clock.now())
        return answer(TermsVersionSerializer, visibility.terms_version(person, terms_id), request)


class Withdraw(Endpoint):
    """A draft is put aside."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "withdraw_waterfall_terms",
        "Withdraw a draft of waterfall terms",
        request=ReasonSerializer,
        answers=TermsVersionSerializer,
        errors=STEP,
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, terms_id: str) -> Response:
        """Put a draft aside for good."""
        person = asker(request)
        version = visibility.terms_version(person, terms_id)
        said = read(ReasonSerializer, request.data)
        terms.withdraw(version, by=person, reason=said["reason"], at=clock.now())
        return answer(TermsVersionSerializer, visibility.terms_version(person, terms_id), request)


def _made(data: dict[str, Any]) -> engine.Terms | engine.ClassedTerms:
    try:
        return terms_data.from_data(data)
    except engine.UnworkableTerms as error:
        raise terms.UnworkableTerms(str(error)) from error


def _checked(version: WaterfallTerms) -> dict[str, Any]:
    examples = [
        {"id": row.pk, "source": row.source, "problem": outcome.problem, "reproduces": outcome.reproduces,
         "figures": outcome.figures}
        for row, outcome in queries.checks(version)
    ]  # fmt: skip
    return {
        "terms_id": version.pk,
        "content_hash": queries.content_hash(version),
        "reproduces": bool(examples) and all(one["reproduces"] for one in examples),
        "examples": examples,
    }
