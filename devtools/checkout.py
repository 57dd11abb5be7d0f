"""
Where things are: the checkout, its virtual environment and the folder for everything we write.

Data live in .realco/ of the checkout. PostgreSQL refuses to run as root, so under root its files must be
reachable by an ordinary account; a checkout below a closed folder such as /root cannot offer that, and its
data then live under /var/lib instead. No permission of an existing folder is ever changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from devtools.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent
VIRTUALENV = ROOT / ".venv"
SERVANT = "nobody"


def python() -> str:
    """Give the interpreter of the virtual environment."""
    return str(VIRTUALENV / "bin" / "python")


def is_root() -> bool:
    """Say whether we run as root, whom PostgreSQL refuses."""
    return os.geteuid() == 0


def home() -> Path:
    """
    Give the folder for data, logs and pids of this checkout, making it when new.

    REALCO_HOME names another one, so that tests and second instances stay apart.

    :raises Trouble: if it belongs to someone else or cannot be made
    """
    named = os.environ.get("REALCO_HOME")
    folder = Path(named).absolute() if named else ROOT / ".realco"
    if is_root() and not named and (not is_reachable(ROOT) or (folder.exists() and folder.stat().st_uid != 0)):
        folder = _home_outside()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner != os.geteuid():
            name = account_name(owner)
            raise Trouble(
                f"{folder} belongs to {name}, who started RealCo here before. Start it as {name}, let {name} "
                "remove the folder (this wipes the demo data), or set REALCO_HOME to one of your own."
            )
        folder.chmod(0o711)
    except OSError as error:
        raise Trouble(f"Cannot make {folder} for RealCo's data: {error.strerror}.") from error
    return folder


def _home_outside() -> Path:
    """Choose a folder for a checkout that the servant account cannot reach."""
    key = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    for parent in (Path("/var/lib"), Path(tempfile.gettempdir())):
        folder = parent / f"realco-dev-{key}"
        if folder.is_symlink() or not is_reachable(parent) or not os.access(parent, os.W_OK):
            continue
        return folder
    raise Trouble("PostgreSQL refuses root, and no folder is open to another account: set REALCO_HOME or DATABASE_URL.")


def is_reachable(path: Path) -> bool:
    """Say whether the servant account may enter a folder or run a file."""
    account = servant()
    tried = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return tried.returncode == 0


def servant() -> pwd.struct_passwd:
    """Look up the account that runs PostgreSQL when we are root, who is refused by it."""
    try:
        return pwd.getpwnam(SERVANT)
    except KeyError:
        raise Trouble(f"PostgreSQL refuses root and there is no account {SERVANT!r} here; set DATABASE_URL.") from None


def account_name(number: int) -> str:
    """Name an account, or give its number when it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def make_private(folder: Path) -> None:
    """Make a folder only for the account that runs PostgreSQL: us, or the servant when we are root."""
    folder.mkdir(exist_ok=True)
    if is_root():
        os.chown(folder, servant().pw_uid, servant().pw_gid)
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replace a file that only we may read, in one step."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[IO[str] | None]:
    """Hold a file's lock, which the system drops when we die; yield None when it is taken."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield file


def settings_file() -> dict[str, str]:
    """
    Read .env of the checkout: NAME=value lines, comments, optional quotes.

    The real environment wins over it; a line that is none of these is reported, not guessed at.
    """
    path = ROOT / ".env"
    found: dict[str, str] = {}
    if not path.is_file():
        return found
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise Trouble(f".env line {number} is not NAME=value: {text}")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found
