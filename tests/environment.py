"""
Tests run in test mode; pytest loads this before Django's settings are read (pyproject.toml).

It also keeps Python from looking for garbage where there is none: thousands of collected tests and all of Django stay
until the end, and going through them again and again was a quarter of the suite's work.
"""

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest

os.environ.setdefault("REALCO_MODE", "test")
# Threads of race tests wait for each other as workers do, on machines that may be busy.
os.environ.setdefault("REALCO_PROCESS", "worker")

gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Keep the tests of a file in one process unless told otherwise: they share what they begin with."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
    return (yield)


def pytest_collection_finish() -> None:
    """Set aside what was there before the first test."""
    gc.collect()
    gc.freeze()
