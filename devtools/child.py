"""
Becomes one child process: gives up root if told to, ties its life to the launcher's, then runs the command.

A separate small program because these steps belong between fork and exec, where a launcher with threads must
not run Python. Called as `python -I -S child.py ACCOUNT SIGNAL PARENT COMMAND...`.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(account: str, signal_name: str, parent: str, *command: str) -> None:
    """Run the command in our place; the signal arrives when the launcher dies, however it dies."""
    if account:
        identity = pwd.getpwnam(account)
        os.setgroups([])
        os.setgid(identity.pw_gid)
        os.setuid(identity.pw_uid)
    if sys.platform == "linux":
        # After setuid, which would clear it; it survives exec.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.Signals[signal_name].value, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
