"""Work a receipt out again with the engine alone, without the database."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from distributions import receipt_files, receipt_replays
from distributions.receipt_files import NotAReceipt
from distributions.receipt_wholes import ReceiptBroken
from realco.money import format_money

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Works the receipt of a distribution out again: accrual by day span, every tier and the cents, and the SHA-256 "
        "over it. Needs no database: only the file, as a payee downloads it from their page of the distribution. "
        "Exit code 0: every figure and the hash come out the same; 1: they do not, and it says which figure differs; "
        "2: the file cannot be read as a receipt. What it proves, and what not: docs/distributions.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the receipt file (JSON)")
        parser.add_argument(
            "--sha256", metavar="HASH", help="a hash you have from elsewhere: the receipt must have this one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = receipt_files.read(_content(options["file"]))
            differences = receipt_replays.verify(content)
        except NotAReceipt as refusal:
            raise CommandError(f"{options['file']}: {refusal}", returncode=2) from refusal
        except ReceiptBroken as refusal:
            raise CommandError(f"The receipt does NOT hold. {refusal}", returncode=1) from refusal
        if differences:
            told = "\n".join(f"  {difference}" for difference in differences[:SHOWN])
            more = f"\n  and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
            raise CommandError(f"The receipt does NOT hold. What differs:\n{told}{more}", returncode=1)
        if options["sha256"] and options["sha256"].lower() != content["sha256"]:
            raise CommandError(
                f"The receipt holds in itself, but its hash is {content['sha256']}, not {options['sha256']}: it is "
                "another receipt, or a forged one.",
                returncode=1,
            )
        self._tell(content)

    def _tell(self, content: Mapping[str, Any]) -> None:
        receipt = content["receipt"]
        about, result, whole = receipt["distribution"], receipt["result"], receipt["whole"]
        premiums = "premiums" in whole
        shared = "of premiums paid on" if premiums else "shared by the waterfall"
        self.stdout.write(
            f"The receipt holds. {about.get('number')} of {about.get('offering_name')}, as of {whole['on']}: of "
            f"{_money(whole['amount'])} {shared}, {_money(result['total'])} is this payee's."
        )
        for words, cents in _parts(content["working"], result, premiums=premiums):
            self.stdout.write(f"  {_money(cents):>20}  {words}")
        if because := receipt["allocated"].get("decided_because"):
            amount = _money(receipt["allocated"]["total_amount"])
            self.stdout.write(f"  {amount:>20}  is paid instead, as two people decided: {because}")
        self.stdout.write(
            "Every figure was worked out again from this file by the engine alone. That the hash below is the one kept "
            "when the distribution was submitted, the payee's own page says.\n"
            f"SHA-256 {content['sha256']}"
        )


def _parts(working: Mapping[str, Any], result: Mapping[str, Any], *, premiums: bool) -> Iterator[tuple[str, str]]:
    """Give what the payee gets by tier, or by the earlier call that a premium was paid on."""
    if premiums:
        for part, cents in zip(working["parts"], result["by_part"], strict=True):
            yield f"interest of {part['days']} days on {part['earlier_call']}", cents
        return
    for tier, cents in zip(working["tiers"], result["by_tier"], strict=True):
        yield tier["kind"].replace("_", " ").lower(), cents


def _money(amount: str) -> str:
    return format_money(Decimal(amount))


def _content(name: str) -> bytes:
    """
    Read a file, but not an endless one.

    :raises NotAReceipt: if it cannot be read
    """
    try:
        with Path(name).open("rb") as file:
            return file.read(receipt_files.MOST_BYTES + 1)
    except OSError as error:
        raise NotAReceipt(f"it cannot be read: {error.strerror}.") from error
