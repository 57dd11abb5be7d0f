"""Readings of personal pages: whoever among staff has one is written down, as whoever takes a tax export is."""

import hashlib
from datetime import datetime

from django.db import transaction

from distributions.models import PersonalReading
from realco import audit
from realco.errors import NotPermitted
from realco.models import User


def note(
    kind: str, *, subject: User | None, by: User, at: datetime, detail: str = "", content: bytes = b""
) -> PersonalReading:
    """
    Write down that somebody is shown a page or given a file; the page has asked whether they may see it.

    :raises NotPermitted: if they are not staff
    """
    if not (by.is_active and by.is_staff):
        raise NotPermitted("These pages are for staff.")
    with audit.acting("personal.read", by=by), transaction.atomic():
        return PersonalReading.objects.create(
            kind=kind,
            subject=subject,
            detail=detail[:100],
            content_hash=hashlib.sha256(content).hexdigest() if content else "",
            read_by=by,
            created_at=at,
        )
