"""The Idempotency-Key header, which everything that creates something asks for."""

import re

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

MAX_LENGTH = 200
_FORM = re.compile(rf"[ -~]{{1,{MAX_LENGTH}}}")


def key_of(request: Request) -> str:
    """
    Return the key under which this is asked for.

    :raises ValidationError: if it is missing, too long or not printable ASCII
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise ValidationError(
            {"Idempotency-Key": ["Send this header with a new key, such as a UUID, so that asking twice acts once."]}
        )
    if _FORM.fullmatch(key) is None:
        raise ValidationError({"Idempotency-Key": [f"A key has at most {MAX_LENGTH} printable ASCII characters."]})
    return key
