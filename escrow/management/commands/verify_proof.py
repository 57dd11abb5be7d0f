"""Check an investor's proof file, without the database."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escrow import proof_files
from escrow.proof_files import NotAProof, Proof, ProofBroken
from realco import signing
from realco.money import format_money, from_cents

_WORDS = {
    "UNCLEARED": "arriving, not cleared yet",
    "INVESTOR": "cleared",
    "HELD": "on hold",
    "RECEIVABLE": "owed by the investor",
}


class Command(BaseCommand):
    help = (
        "Checks a proof file: its signature, its leaf, its path and all sums. Needs no database. Without keys given it "
        "uses those of PROOF_SIGNING_KEYS. Exit code 0: the proof holds; 1: it does not; 2: it cannot be read."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the proof file, as an investor downloads it")
        given = parser.add_mutually_exclusive_group()
        given.add_argument(
            "--keys", metavar="FILE", help="the public keys, as /.well-known/realco-proof-keys.json shows them"
        )
        given.add_argument("--public-key", metavar="BASE64", help="the one public key to trust")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proof = proof_files.read(_content(options["file"]))
            proof_files.verify(proof, _keys(proof, options))
        except NotAProof as refusal:
            raise CommandError(f"{options['file']}: {refusal}", returncode=2) from refusal
        except ProofBroken as refusal:
            raise CommandError(f"The proof does NOT hold. {refusal}", returncode=1) from refusal
        self._tell(proof)

    def _tell(self, proof: Proof) -> None:
        """Say in words what was proved, and what was not."""
        statement = proof.statement
        total = format_money(from_cents(int(statement["total_in_cents"])))
        self.stdout.write(f"The proof holds. Signed with the key “{proof.key_id}”, it proves that RealCo counted")
        self.stdout.write(f"for the investor {proof.investor_id}")
        for kind, cents in proof.balances.by_kind.items():
            self.stdout.write(f"  {format_money(from_cents(cents)):>20}  {_WORDS[kind]} ({kind})")
        self.stdout.write(
            f"among the {statement['investor_count']} investors of {statement.get('account_number')}, to whom it said "
            f"it owed {total} together,\nin its proof of {statement.get('as_of_date')}, number "
            f"{statement.get('sequence')} of that account, taken at {statement.get('taken_at')}."
        )
        wrong = proof_files.disagreements(statement)
        if not wrong:
            self.stdout.write("RealCo also signed that the books agreed:")
            for item in statement["equalities"]:
                self.stdout.write(f"  {proof_files.EQUALITIES[item['name']]}: {_side(item['left'])}")
        else:
            self.stdout.write(self.style.WARNING("BUT the signed statement says that the books did NOT agree:"))
            for words in wrong:
                self.stdout.write(f"  {words}")
        self.stdout.write(
            "It does not prove that the bank holds the money; the bank's own statement does. "
            f"Root {statement['merkle_root']}."
        )


def _side(side: Any) -> str:
    if isinstance(side, dict):
        return ", ".join(f"{name.lower()} {_money(amount)}" for name, amount in side.items())
    return _money(side)


def _money(amount: Any) -> str:
    return format_money(Decimal(str(amount)))


def _keys(proof: Proof, options: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the public keys to trust: those given, else the configured ones."""
    if options["public_key"]:
        return {proof.key_id: options["public_key"]}
    if options["keys"]:
        return proof_files.read_keys(_content(options["keys"]))
    return signing.public_keys()


def _content(name: str) -> bytes:
    """
    Read a file, but not an endless one.

    :raises NotAProof: if it cannot be read
    """
    try:
        with Path(name).open("rb") as file:
            return file.read(proof_files.MOST_BYTES + 1)
    except OSError as error:
        raise NotAProof(f"it cannot be read: {error.strerror}.") from error
