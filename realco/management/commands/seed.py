"""What RealCo cannot start without: groups, fees and limits; in the sandbox also people to sign in as."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand

from compliance.operations import limits
from escrow.operations import bank_file_layouts
from finance.gateways.sandbox_formats import CSV_LAYOUT
from finance.operations import fees
from realco import audit, clock
from realco.business_days import banking_date
from realco.models import Organization, User
from realco.operations import groups

DEMO_PASSWORD = "realco-demo-2026"  # noqa: S105  # A sandbox login, never made in production mode.


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works at the platform in the sandbox."""

    email: str
    full_name: str
    groups: tuple[str, ...]
    what: str


STAFF = (
    Staff("olivia@realco.example", "Olivia Osei", ("Operations",), "asks for payments, reconciles"),
    Staff("adam@realco.example", "Adam Abara", ("Approvers",), "approves"),
    Staff("anna@realco.example", "Anna Alvarez", ("Approvers",), "approves too: large payments need two"),
    Staff("carla@realco.example", "Carla Cho", ("Compliance",), "reviews checks, restricts and freezes"),
)
INVESTOR = "ivy.ingram@example.com"


class Command(BaseCommand):
    help = (
        "Adds the groups of staff, the fee rules and the limits that RealCo starts with; twice adds nothing."
        " In the sandbox it also makes one person for each role, and prints how to sign in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--show", action="store_true", help="only print the logins of the sandbox")

    def handle(self, *, show: bool, **_: Any) -> None:
        if not show:
            self._seed()
        if settings.SANDBOX:
            self._show()

    def _seed(self) -> None:
        today = banking_date(clock.now())
        groups.seed()
        rules, rows = fees.seed(today), limits.seed(today)
        self.stdout.write(f"Added {len(rules)} fee rules and {len(rows)} limits.")
        if settings.SANDBOX:
            _make_people()
            bank_file_layouts.add(
                "Sandbox bank", bank_name="Sandbox bank", contents=CSV_LAYOUT, by=None, at=clock.now()
            )

    def _show(self) -> None:
        self.stdout.write(f"Sign in with the password {DEMO_PASSWORD}")
        for person in STAFF:
            self.stdout.write(f"  {person.email:<26} /admin/  {person.what}")
        if User.objects.filter(email=INVESTOR).exists():
            self.stdout.write(f"  {INVESTOR:<26} /        invests")


def _make_people() -> None:
    with audit.acting("users.seed"):
        for person in STAFF:
            user = User.objects.filter(email=person.email).first()
            if user is None:
                user = User.objects.create_user(person.email, DEMO_PASSWORD, full_name=person.full_name, is_staff=True)
                user.groups.set(Group.objects.filter(name__in=person.groups))
        owner = User.objects.get(email=STAFF[0].email)
        Organization.objects.get_or_create(name="RealCo", kind="PLATFORM", defaults={"owner": owner})
