"""Layouts of banks' CSV files: saving one, and the next version of one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from escrow.bank_files import csv_layouts
from escrow.bank_files.csv_layouts import BadLayout
from escrow.models import BankFileLayout
from escrow.queries import bank_file_layouts as query
from realco import audit, permissions
from realco.models import User


def add(name: str, *, bank_name: str, contents: Mapping[str, Any], by: User | None, at: datetime) -> BankFileLayout:
    """
    Save how a bank writes its CSV files; under a name that there is, as its next version.

    What is saved says every setting, so that it means the same later. The same again adds nothing. ``by``
    is nobody when the sandbox is set up.

    :raises NotPermitted: if the person may not reconcile
    :raises BadLayout: if it cannot be read with, or has no name
    """
    if by is not None:
        permissions.require(by, permissions.RECONCILE)
    name, bank_name = " ".join(name.split()), " ".join(bank_name.split())
    if not name or not bank_name or max(len(name), len(bank_name)) > 100:
        raise BadLayout("A layout has a name, and so has its bank; each of at most 100 signs.")
    saved = csv_layouts.to_json(csv_layouts.from_json(contents))
    with audit.acting("bank_file_layout.add", by=by), transaction.atomic():
        with connection.cursor() as cursor:
            # Nobody else gives the same name its next version meanwhile.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('bank_file_layouts'), hashtext(%s))", [name])
        last = query.latest(name)
        if last is not None and (last.contents, last.bank_name) == (saved, bank_name):
            return last
        return BankFileLayout.objects.create(
            name=name,
            version=last.version + 1 if last is not None else 1,
            bank_name=bank_name,
            contents=saved,
            created_by=by,
            created_at=at,
        )
