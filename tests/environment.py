"""Tests run in test mode; pytest loads this before Django's settings are read (pyproject.toml)."""

import os

os.environ.setdefault("REALCO_MODE", "test")
# Threads of race tests wait for each other as workers do, on machines that may be busy.
os.environ.setdefault("REALCO_PROCESS", "worker")
