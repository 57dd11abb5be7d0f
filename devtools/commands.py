"""The commands of ./dev: up, test, demo, manage and reset."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from devtools import checkout, checks, processes, running, virtualenv
from devtools.running import House, Record
from devtools.trouble import Stopped, Trouble, say

GUIDE = """\
Everything RealCo needs on this machine, with no installation besides Python 3.11 or newer.

  ./dev                    set up, start all and print the address and the demo logins; Ctrl-C stops all
  ./dev demo               play the whole story on an emptied database; exit 0 if the books prove out
  ./dev test               format, lint, imports, types, migrations and all tests; non-zero if one fails
  ./dev test ARGS...       only pytest, with these arguments: ./dev test tests/escrow -k ledger
  ./dev manage ARGS...     manage.py on the same data, whether or not ./dev runs: ./dev manage check_books
  ./dev reset              throw the demo data away
"""

CLOSING = """\
PostgreSQL and Valkey come as Python packages and are started for you, on 127.0.0.1 alone; set DATABASE_URL
and REDIS_URL, in the environment or in .env, to use your own. Packages are in .venv/, data and logs in
.realco/ (as root in a closed folder: /var/lib/realco-dev-*); REALCO_HOME names another place.
"""


def main(arguments: Sequence[str]) -> int:
    """Run a command and give its exit status; whatever happens, nothing it started stays."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        # pytest and manage.py have options of their own, which are not ours to read.
        if arguments and arguments[0] == "test" and arguments[1:2] not in (["-h"], ["--help"]):
            return test(arguments[1:])
        if arguments and arguments[0] == "manage" and arguments[1:]:
            return manage(arguments[1:])
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except Trouble as trouble:
        print(f"./dev: {trouble}", file=sys.stderr, flush=True)
        return 1
    except Stopped as stopped:
        say("Stopped.")
        return 128 + stopped.signal_number


def _stop(number: int, frame: FrameType | None) -> None:
    """Turn the first signal into an orderly stop; the second of a kind does not disturb it."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    port = argparse.ArgumentParser(add_help=False)
    port.add_argument("--port", type=_port, help="the web port; else 8000 or the next free one")
    parser = argparse.ArgumentParser(
        prog="./dev",
        description=GUIDE,
        epilog=CLOSING,
        usage="./dev [command] [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[port],
    )
    parser.set_defaults(run=up)
    named = parser.add_subparsers(metavar="command", help=argparse.SUPPRESS)
    for name, takes, run, words in (
        ("up", "[options]", up, "Start everything; the same as no command."),
        ("demo", "[options]", demo, "Play the story on an emptied database and prove the books."),
        ("test", "[pytest arguments]", _test_without_arguments, "Run every check, or pytest with arguments."),
        ("manage", "command ...", _manage_without_arguments, "Run manage.py on the services of ./dev."),
        ("reset", "", reset, "Throw the demo data away."),
    ):
        parents = [port] if name in ("up", "demo") else []
        command = named.add_parser(name, description=words, usage=f"./dev {name} {takes}", parents=parents)
        command.set_defaults(run=run)
        if name == "demo":
            command.add_argument("--wipe", action="store_true", help="allow emptying the database of DATABASE_URL")
    return parser


def _port(text: str) -> int:
    """Read a port number."""
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port, which is a number from 1 to 65535")
    return int(text)


def _test_without_arguments(options: argparse.Namespace) -> int:
    """Run all checks."""
    return test([])


def _manage_without_arguments(options: argparse.Namespace) -> int:
    """List the management commands."""
    return manage(["help"])


def up(options: argparse.Namespace) -> int:
    """
    Start everything and stay until told to stop, which is a success.

    :raises Trouble: if something does not start, or dies again and again
    """
    began = time.monotonic()
    virtualenv.prepare(virtualenv.RUNTIME)
    with _house("./dev", show=True) as house:
        port = house.choose_port(options.port)
        house.start_services()
        logins = _prepare_data(house)
        house.start_programs(port, with_beat=True)
        say(f"\n{logins}\n\nRealCo is ready after {time.monotonic() - began:.0f} s. Ctrl-C stops it.\n")
        say(f"    {house.record.address}\n")
        try:
            while True:
                house.tend()
                time.sleep(0.5)
        except Stopped:
            say("\nStopping.")
    return 0


def demo(options: argparse.Namespace) -> int:
    """
    Play the demo story on an emptied database and give its exit status; ./dev shows the result afterwards.

    :raises Trouble: if the database is one named by DATABASE_URL that holds data, unless --wipe says so
    """
    virtualenv.prepare(virtualenv.RUNTIME)
    with _house("./dev demo", show=False) as house:
        port = house.choose_port(options.port)
        house.start_services()
        house.empty(may_wipe=options.wipe)
        _prepare_data(house)
        say("Starting web and worker.")
        house.start_programs(port, with_beat=False)
        arguments = [checkout.python(), str(checkout.ROOT / "manage.py"), "demo"]
        status = processes.run_in_foreground(arguments, house.environment, folder=checkout.ROOT, tend=house.tend)
        if status:
            say(f"The demo failed (exit status {status}). What web and worker said: {house.logs}/")
        else:
            say("The demo is done; ./dev shows its result.")
    return status


def manage(arguments: Sequence[str]) -> int:
    """Run manage.py on the running services, or on ones started for it, and give its exit status."""
    virtualenv.prepare(virtualenv.RUNTIME)
    command = [checkout.python(), str(checkout.ROOT / "manage.py"), *arguments]
    folder = checkout.home()
    with running.owning(folder) as other:
        if other is not None:
            environment = running.base_environment() | running.await_services(folder).environment
            return processes.run_in_foreground(command, environment, is_interactive=True)
        house = House(folder, purpose=f"./dev manage {arguments[0]}", show=False)
        try:
            house.choose_port(None)
            house.start_services()
            house.publish()
            return processes.run_in_foreground(command, house.environment, is_interactive=True)
        finally:
            house.stop()


def test(arguments: Sequence[str]) -> int:
    """Run every check, or with arguments only pytest, on services of their own; 0 if all passed."""
    virtualenv.prepare(virtualenv.EVERYTHING)
    chromium = checks.find_chromium()
    with running.throwaway_folder() as folder:
        house = House(folder, purpose="./dev test", show=False, throwaway=True)
        try:
            house.start_services()
            if chromium:
                house.environment["CHROMIUM"] = chromium
            return checks.run(arguments, house.environment)
        finally:
            house.stop()


def reset(options: argparse.Namespace) -> int:
    """Throw away the data of ./dev; a database named by DATABASE_URL is not ours to empty."""
    folder = checkout.home()
    with running.owning(folder) as other:
        _refuse_if_running(other)
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.name.startswith("test-"):
                shutil.rmtree(entry)
            elif entry.name != "lock" and not entry.is_dir():
                entry.unlink()
    say(f"The demo data in {folder} are gone; ./dev starts with new ones.")
    if "DATABASE_URL" in running.base_environment():
        say("The database named by DATABASE_URL was not touched.")
    return 0


@contextmanager
def _house(purpose: str, *, show: bool) -> Iterator[House]:
    """Own the data folder and stop at the end whatever was started in it."""
    folder = checkout.home()
    with running.owning(folder) as other:
        _refuse_if_running(other)
        house = House(folder, purpose=purpose, show=show)
        try:
            yield house
        finally:
            house.stop()


def _refuse_if_running(other: Record | None) -> None:
    """
    Refuse to use the data while another ./dev does.

    :raises Trouble: if one does
    """
    if other is not None:
        where = f" at {other.address}" if other.address else ""
        raise Trouble(f"{other.purpose} is running on these data{where} (process {other.launcher}). Stop it first.")


def _prepare_data(house: House) -> str:
    """Migrate and seed, and give what seeding printed: the demo logins."""
    say("Migrating the database.")
    house.manage("migrate", "--no-input")
    say("Seeding users, fees and limits.")
    logins = house.manage("seed")
    house.publish()
    return logins
