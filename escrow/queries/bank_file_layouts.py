"""Layouts of banks' CSV files as they stand: of each name, the last version."""

from django.db.models import QuerySet

from escrow.models import BankFileLayout


def latest(name: str) -> BankFileLayout | None:
    """Return the last version of a layout."""
    return BankFileLayout.objects.filter(name=name).order_by("-version").first()


def in_use() -> QuerySet[BankFileLayout]:
    """Return the last version of every layout, by name."""
    last = BankFileLayout.objects.order_by("name", "-version").distinct("name")
    return BankFileLayout.objects.filter(pk__in=last.values("pk")).order_by("name")
