"""
The virtual environment .venv: made once, filled from pinned requirements, refilled when they change.

A stamp file in it holds the hash of what was installed, so that a warm start installs and asks nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from devtools import checkout
from devtools.trouble import Trouble, say

RUNTIME = ("requirements.txt",)
EVERYTHING = ("requirements.txt", "requirements-dev.txt")


def prepare(wanted: tuple[str, ...]) -> None:
    """
    Make .venv hold exactly the requirements named, doing nothing when it does already.

    :raises Trouble: if Python lacks venv, or packages cannot be installed
    """
    if _is_current(wanted):
        return
    try:
        with checkout.locked(checkout.ROOT / ".venv.lock", wait=True):
            if not _is_current(wanted):
                _make()
                _install(wanted)
    except PermissionError as error:
        owner = checkout.account_name(checkout.ROOT.stat().st_uid)
        raise Trouble(f"Cannot write {error.filename} in this checkout, which belongs to {owner}.") from error


def _stamp(wanted: tuple[str, ...]) -> str:
    """Hash the requirements and the place they are installed for."""
    digest = hashlib.sha256(str(checkout.ROOT).encode())
    for name in wanted:
        digest.update((checkout.ROOT / name).read_bytes())
    return digest.hexdigest()


def _stamp_file(wanted: tuple[str, ...]) -> Path:
    """Give the file remembering the last installation of this kind."""
    return checkout.VIRTUALENV / f".installed-{wanted[-1]}"


def _is_current(wanted: tuple[str, ...]) -> bool:
    """Say whether these requirements are what was installed last."""
    stamp = _stamp_file(wanted)
    return stamp.is_file() and stamp.read_text() == _stamp(wanted) and _is_usable()


def _is_usable() -> bool:
    """
    Say whether .venv was made here and has a Python that still exists.

    Any version will do, unless the reader asks for one with PYTHON. The programs in a moved .venv would run the
    Python of the old place.
    """
    settings = checkout.VIRTUALENV / "pyvenv.cfg"
    if not settings.is_file() or not Path(checkout.python()).exists():
        return False
    made = dict(line.partition(" = ")[::2] for line in settings.read_text().splitlines())
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}."
    is_wanted = "PYTHON" not in os.environ or made.get("version", wanted).startswith(wanted)
    is_here = made.get("command", str(checkout.VIRTUALENV)).endswith(str(checkout.VIRTUALENV))
    return is_wanted and is_here


def _make() -> None:
    """Create .venv, or replace one that another Python, another path or an interruption left unusable."""
    folder = checkout.VIRTUALENV
    if folder.exists():
        asked = [checkout.python(), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
        if _is_usable() and subprocess.run(asked, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return
        say("Replacing .venv, which is unfinished or belongs to another Python or place.")
        shutil.rmtree(folder)
    say(f"Making a virtual environment in .venv with Python {sys.version.split()[0]}.")
    if not _has_ensurepip() and not _install_debian_venv():
        _make_without_ensurepip(folder)
        return
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise Trouble(f"python -m venv failed:\n{made.stdout}{made.stderr}")


def _has_ensurepip() -> bool:
    """Say whether this Python can put pip into a new environment; Debian packs that part separately."""
    return _has("venv") and _has("ensurepip") and _has("ensurepip.__main__")


def _has(module: str) -> bool:
    """Say whether this Python has a module."""
    return importlib.util.find_spec(module) is not None


def _debian_package() -> str:
    """Name the Debian package that holds what this Python lacks."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"


def _install_debian_venv() -> bool:
    """Install Debian's venv package when we are allowed to; say whether it is there now."""
    if not checkout.is_root() or shutil.which("apt-get") is None:
        return False
    say(f"This Python has no ensurepip: installing Debian's {_debian_package()}.")
    importing = [sys.executable, "-c", "import ensurepip; ensurepip.version()"]
    installed = install_debian(_debian_package())
    return installed and subprocess.run(importing, stderr=subprocess.DEVNULL, check=False).returncode == 0


def install_debian(package: str) -> bool:
    """Install a Debian package as root; say whether that worked, and show apt's words when it did not."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    failure = ""
    for command in (
        ["apt-get", "install", "-y", "--no-install-recommends", package],
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", package],
    ):
        try:
            ran = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        except subprocess.TimeoutExpired:
            failure = f"{' '.join(command)} took more than five minutes"
            break
        if ran.returncode == 0 and "install" in command:
            return True
        failure = ran.stderr
    say(f"Could not install {package}: {failure.strip()}")
    return False


def _make_without_ensurepip(folder: Path) -> None:
    """Make .venv with whatever else this machine has: uv, virtualenv, or a pip outside of it."""
    if uv := shutil.which("uv"):
        commands = [[uv, "venv", "--seed", "--python", sys.executable, str(folder)]]
    elif _has("virtualenv"):
        commands = [[sys.executable, "-m", "virtualenv", str(folder)]]
    elif _has("venv") and _has("pip"):
        commands = [
            [sys.executable, "-m", "venv", "--without-pip", str(folder)],
            [sys.executable, "-m", "pip", "--python", checkout.python(), "install", "--quiet", "pip"],
        ]
    else:
        commands = []
    if not commands or any(subprocess.run(command, check=False).returncode for command in commands):
        shutil.rmtree(folder, ignore_errors=True)
        raise Trouble(
            f"{sys.executable} cannot make virtual environments (no ensurepip).\n"
            f"On Debian and Ubuntu: sudo apt install {_debian_package()}   Then run ./dev again."
        )


def _install(wanted: tuple[str, ...]) -> None:
    """Install the pinned packages; shows pip's words only when it fails."""
    name = wanted[-1]
    say(f"Installing the packages of {name} into .venv (once; takes a minute or two).")
    command = [
        checkout.python(),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    ran = subprocess.run(
        [*command, "-r", str(checkout.ROOT / name)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise Trouble(f"Packages could not be installed (is there a network?):\n{ran.stdout.strip()}")
    for kind in (RUNTIME, EVERYTHING):
        if set(kind) <= set(wanted):
            _stamp_file(kind).write_text(_stamp(kind))
