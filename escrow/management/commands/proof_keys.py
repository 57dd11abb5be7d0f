"""Show the public keys that proofs are checked with, or make a new key."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from escrow import proof_files
from realco import signing


class Command(BaseCommand):
    help = (
        "Prints the public keys of PROOF_SIGNING_KEYS as the file that manage.py verify_proof --keys reads and "
        "/.well-known/realco-proof-keys.json shows. The first one signs. Needs no database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", metavar="FILE", help="write them to this file instead")

    def handle(self, *args: Any, **options: Any) -> None:
        text = json.dumps(proof_files.compose_keys(signing.public_keys()), indent=2)
        if options["out"]:
            with open(options["out"], "w", encoding="utf-8") as file:
                file.write(text + "\n")
            self.stdout.write(f"{len(signing.public_keys())} public keys written to {options['out']}.")
        else:
            self.stdout.write(text)
