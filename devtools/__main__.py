"""Entered as `python /path/to/devtools` by ./dev, so that no installation is needed to start."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from devtools.commands import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
