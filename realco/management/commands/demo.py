"""Play the demo story on an empty sandbox, and prove the books."""

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from finance.gateways import sandbox_transport
from finance.models import Transaction
from realco.management.commands.seed import DEMO_PASSWORD, INVESTOR
from realco.story.play import Story, StoryBroken


class Command(BaseCommand):
    help = (
        "Plays the whole story from the files in demo/: deposits, closing, draws, income, a distribution, the bank's"
        " statement. Exits 0 only if the books prove out. The sandbox must be empty, and a web server must run for the"
        " bank's webhooks, unless --in-process is given. Not in production mode."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--files", type=Path, metavar="FOLDER", default=settings.BASE_DIR / "demo", help="where the CSV files are"
        )
        parser.add_argument("--in-process", action="store_true", help="deliver webhooks without a web server")

    def handle(self, *, files: Path, in_process: bool, **_: Any) -> None:
        if not settings.SANDBOX:
            raise CommandError("There is no demo in production mode.")
        if Transaction.objects.exists():
            raise CommandError("The demo needs an empty sandbox, and there are payments in this one.")
        call_command("seed", stdout=self.stdout)
        post = sandbox_transport.post_in_process if in_process else sandbox_transport.post_over_http
        with tempfile.TemporaryDirectory() as folder:
            story = Story(
                files,
                say=self.stdout.write,
                post=post,
                statement=Path(folder) / "statement.bai2",
            )
            try:
                story.play(investor_password=DEMO_PASSWORD)
            except StoryBroken as broken:
                raise CommandError(f"The story went wrong: {broken}") from broken
        self.stdout.write("\nThe three-way proof")
        call_command("check_books", stdout=self.stdout)
        self.stdout.write(f"Sign in as {INVESTOR} with the password {DEMO_PASSWORD}.")
