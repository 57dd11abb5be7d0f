"""The way into every endpoint: who is asking, how often, and whose name the audit trail will carry."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, cast

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from realco import audit
from realco.api.authentication import ApiTokenAuthentication
from realco.api.pagination import Page
from realco.api.parsers import ExactJSONParser
from realco.api.throttles import PerHour
from realco.models import User


class Endpoint(APIView):
    """
    One address of the API.

    ``throttle_scopes`` names, for each method, the hourly rate it counts against. Every write made
    while a request is served is signed with the token's owner.
    """

    authentication_classes: Sequence[Any] = (ApiTokenAuthentication,)
    permission_classes: Sequence[Any] = (IsAuthenticated,)
    parser_classes: Sequence[Any] = (ExactJSONParser,)
    throttle_classes: Sequence[Any] = (PerHour,)
    metadata_class = None  # OPTIONS is answered with 405; the schema says what there is.
    throttle_scopes: ClassVar[Mapping[str, str]] = {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serve the request with its audit actor in place until the view has returned."""
        with ExitStack() as self.signed:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check token and rate, then sign what follows."""
        super().initial(request, *args, **kwargs)
        self.signed.enter_context(audit.acting(by=asker(request)))


class Nothing(Endpoint):
    """Every address under the API that is not one of its endpoints."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """
        Say that nothing is here.

        :raises Http404: always
        """
        raise Http404


def asker(request: Request) -> User:
    """Return the person whose token this is; only signed-in people come this far."""
    return cast(User, request.user)


def read_query(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """
    Return the query of an address, checked for form.

    :raises ValidationError: naming each part that cannot be read, is not known or comes twice
    """
    twice = {name: ["Give this once."] for name, values in request.query_params.lists() if len(values) > 1}
    if twice:
        raise ValidationError(twice)
    return read(serializer, request.query_params.dict())


def read(serializer: type[BaseSerializer[Any]], data: Any, **options: Any) -> dict[str, Any]:
    """
    Return what was sent, checked for form.

    :raises ValidationError: naming each field that cannot be read
    """
    form = serializer(data=data, **options)
    form.is_valid(raise_exception=True)
    return cast(dict[str, Any], form.validated_data)


def answer(serializer: type[BaseSerializer[Any]], content: Any, request: Request, *, status: int = 200) -> Response:
    """Answer with the content as the serializer writes it for this person."""
    return Response(serializer(content, context={"request": request}).data, status=status)


def listed(serializer: type[BaseSerializer[Any]], page: Page[Any], request: Request) -> Response:
    """Answer with a page of rows and the cursor of the next."""
    rows = serializer(page.rows, many=True, context={"request": request}).data
    return Response({"results": rows, "next_cursor": str(page.next_cursor) if page.next_cursor else None})
