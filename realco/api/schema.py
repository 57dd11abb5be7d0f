"""
What the API says of itself: the OpenAPI description and the pages that show it.

`operation` documents a method with its requests, answers and every error it can give; enumerations
are named once and referred to.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from realco.api.errors import STATUSES
from realco.api.serializers.fields import EnumField, ErrorSerializer

Method = TypeVar("Method", bound=Callable[..., Any])

ALWAYS = (401, 406, 429, 500, 503)
READING = (*ALWAYS, 400)
WRITING = (*ALWAYS, 400, 403, 413, 415)
STEP = (*WRITING, 404, 422)

TITLE = "RealCo API, SANDBOX" if settings.SANDBOX else "RealCo API"
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    pattern=r"^[!-~]([ -~]{0,198}[!-~])?$",
    description=(
        "A key of 1 to 200 printable ASCII characters that you make anew for each thing you create, such as a UUID. "
        "Sending the same body under the same key again answers with what was created the first time and creates "
        "nothing; another body under a used key is refused with DUPLICATE_RESOURCE. Keys are your own: another "
        "person's keys never meet yours."
    ),
)


def identified(name: str) -> OpenApiParameter:
    """Return the parameter of an address that names one row."""
    return OpenApiParameter(name, OpenApiTypes.UUID, OpenApiParameter.PATH, required=True)


def operation(
    name: str,
    summary: str,
    *,
    answers: Any,
    status: int = 200,
    request: Any = None,
    errors: Sequence[int] = READING,
    parameters: Sequence[Any] = (),
    tag: str,
) -> Callable[[Method], Method]:
    """Document one method of an endpoint; its docstring is the longer description."""
    responses: dict[int, Any] = {status: answers}
    for error in sorted(errors):
        codes = ", ".join(code for code, number in STATUSES.items() if number == error)
        responses[error] = OpenApiResponse(ErrorSerializer, description=f"{HTTPStatus(error).phrase}: {codes}")
    decorate: Callable[[Method], Method] = extend_schema(
        operation_id=name,
        summary=summary,
        request=request,
        responses=responses,
        parameters=list(parameters),
        tags=[tag],
    )
    return decorate


class NamedEnumeration(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Gives each enumeration one named schema, however many fields hold it."""

    target_class = EnumField
    match_subclasses = True

    def get_name(self) -> str:
        """Return the enumeration's own name."""
        return str(self.target.enumeration.__name__)

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the values there are."""
        return {"type": "string", "enum": list(self.target.enumeration.values)}


class SchemaView(SpectacularAPIView):
    """The OpenAPI description, for anybody; it says nothing of anybody's money."""

    custom_settings: dict[str, Any] | None = {"TITLE": TITLE}

    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = ()
    throttle_classes: Sequence[Any] = ()


class DocsView(SpectacularSwaggerView):
    """The description as a page; everything it shows is served from here, so that it works offline."""

    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = ()
    throttle_classes: Sequence[Any] = ()
    url_name = "api:schema"
    title = TITLE
