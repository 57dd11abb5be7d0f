"""
Reading request bodies: JSON without floats, without doubled names, and of bounded size.

Numbers with a point or an exponent become Decimals, so that nothing is lost before `realco.money`
has looked at it; NaN and Infinity, which are not JSON but are sent all the same, become Decimals
too and are refused there in words.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from realco.api.errors import BodyTooLarge

MAX_BODY = 1_000_000
"""Bytes; the largest request of this API is a few kilobytes."""


class ExactJSONParser(BaseParser):
    """Reads application/json in UTF-8."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """
        Return what the body says.

        :raises BodyTooLarge: if it is longer than MAX_BODY
        :raises ParseError: if it is not JSON, not an object, or names a field twice
        """
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise BodyTooLarge
        try:
            content = json.loads(
                body.decode("utf-8"),
                parse_float=Decimal,
                parse_constant=lambda name: Decimal(name.replace("Infinity", "Inf")),
                object_pairs_hook=_each_once,
            )
            # Half a surrogate pair can be escaped in JSON but not written out again, here or in the database.
            json.dumps(content, ensure_ascii=False, default=str).encode()
        except (ValueError, RecursionError) as error:
            raise ParseError("The request body is not valid JSON in UTF-8.") from error
        if not isinstance(content, dict):
            raise ParseError('The request body is a JSON object, such as {"amount": "1234.50"}.')
        return content


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of pairs, refusing a name that comes twice: which value was meant, nobody can know."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ParseError("The request body names a field twice.")
    return content
