"""Tests run in test mode; pytest loads this before Django's settings are read (pyproject.toml)."""

import os

os.environ.setdefault("REALCO_MODE", "test")
