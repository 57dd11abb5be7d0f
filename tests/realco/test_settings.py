"""Settings: production starts only when everything is given, says what is not, and knows no sandbox."""

import os
import re
import runpy
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).parents[2]
OURS = (
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "PROOF_SIGNING_KEYS",
    "DATABASE_URL",
    "REDIS_URL",
    "ALLOWED_HOSTS",
    "DEBUG",
    "PAYMENT_GATEWAY",
)
INSECURE_KEY = "dev:aW5zZWN1cmUtZGV2ZWxvcG1lbnQta2V5LTMyLWJ5dGU="
INSECURE_SEED = "dev:aW5zZWN1cmUtZGV2ZWxvcG1lbnQtcHJvb2Ytc2VlZCE="
A_KEY = "b3VyIG93biBvdXIgb3duIG91ciBvd24gb3VyIG93biA="
ANOTHER_KEY = "QW5vdGhlciBrZXkgb2Ygb3VyIG93biwgMzIgYnl0ZXM="
COMPLETE = {
    "REALCO_MODE": "production",
    "SECRET_KEY": secrets.token_urlsafe(60),
    "FIELD_ENCRYPTION_KEYS": f"k1:{A_KEY}",
    "PROOF_SIGNING_KEYS": f"p1:{ANOTHER_KEY}",
    "DATABASE_URL": "postgres://realco:long@db.example:5432/realco",
    "REDIS_URL": "redis://broker.example:6379/0",
    "ALLOWED_HOSTS": "realco.example",
}


def production(**changes: str | None) -> dict[str, str]:
    """The environment of production mode, with some variables changed and others left out."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("SANDBOX_")}
    given = {name: value for name, value in {**COMPLETE, **changes}.items() if value is not None}
    return {**kept, "DJANGO_SETTINGS_MODULE": "realco.settings", **given}


def run(*command: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run Python in production mode, with some variables changed and others left out."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=production(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start(**changes: str | None) -> str:
    """Read the settings in this process, and return what they refuse with, or nothing."""
    given = production(**changes)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - given.keys():
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        try:
            runpy.run_path(str(ROOT / "realco" / "settings.py"), run_name="settings_of_a_test")
        except ImproperlyConfigured as refusal:
            return f"django.core.exceptions.ImproperlyConfigured: {refusal}"
    return ""


class TestProduction:
    def test_starts_with_everything_given(self) -> None:
        assert start() == ""

    def test_a_process_ends_with_what_they_refuse_with(self) -> None:
        done = run("-c", "import realco.settings", SECRET_KEY=None)
        assert done.returncode != 0
        assert done.stderr.strip().rpartition("\n")[2] == start(SECRET_KEY=None)
        fine = run("-c", "import realco.settings")
        assert (fine.returncode, fine.stderr) == (0, "")

    @pytest.mark.parametrize(
        "name",
        ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "PROOF_SIGNING_KEYS", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"],
    )
    @pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
    def test_says_what_is_missing(self, name: str, value: str | None) -> None:
        refusal = start(**{name: value})
        assert refusal.startswith("django.core.exceptions.ImproperlyConfigured: ")
        assert f"{name} is not set" in refusal

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SECRET_KEY", "insecure-development-secret-key-never-used-in-production"),
            ("SECRET_KEY", "x9#" * 16),
            ("FIELD_ENCRYPTION_KEYS", INSECURE_KEY),
            ("FIELD_ENCRYPTION_KEYS", INSECURE_KEY.replace("dev:", "prod:")),
            ("FIELD_ENCRYPTION_KEYS", f"k1:{A_KEY},old:{INSECURE_KEY.removeprefix('dev:')}"),
            ("PROOF_SIGNING_KEYS", INSECURE_SEED),
            ("PROOF_SIGNING_KEYS", INSECURE_SEED.replace("dev:", "prod:")),
            ("PROOF_SIGNING_KEYS", f"p1:{A_KEY},old:{INSECURE_SEED.removeprefix('dev:')}"),
            ("DATABASE_URL", "postgres://realco@127.0.0.1:5432/realco"),
            ("REDIS_URL", "redis://127.0.0.1:6379/0"),
            ("DEBUG", "on"),
            ("PAYMENT_GATEWAY", "sandbox"),
            ("REALCO_MODE", "staging"),
        ],
    )
    def test_says_what_is_insecure_and_never_its_value(self, name: str, value: str) -> None:
        refusal = start(**{name: value})
        assert name in refusal
        assert "ImproperlyConfigured" in refusal
        assert name in ("PAYMENT_GATEWAY", "REALCO_MODE", "DEBUG") or value not in refusal

    @pytest.mark.parametrize("value", ["k1", "k1:short", f"k1:{A_KEY},k1:{ANOTHER_KEY}"])
    def test_refuses_keys_that_are_none_without_showing_them(self, value: str) -> None:
        refusal = start(FIELD_ENCRYPTION_KEYS=value)
        assert "ield encryption key" in refusal
        assert value not in refusal

    @pytest.mark.parametrize("value", ["p1", "p1:short", f"p1:{A_KEY},p1:{ANOTHER_KEY}"])
    def test_refuses_seeds_that_are_none_without_showing_them(self, value: str) -> None:
        refusal = start(PROOF_SIGNING_KEYS=value)
        assert "roof signing key" in refusal
        assert value not in refusal

    @pytest.mark.slow
    def test_passes_the_deployment_checks(self) -> None:
        """But for W021: whether browsers preload HSTS is for the owner of the domain to say."""
        done = run("manage.py", "check", "--deploy")
        assert set(re.findall(r"\(([\w.]+)\)", done.stderr)) <= {"security.W021"}, done.stderr
        assert done.returncode == 0, done.stderr

    @pytest.mark.slow
    def test_has_no_sandbox_command(self) -> None:
        done = run("manage.py", "sandbox", "status")
        assert done.returncode != 0
        assert "There is no sandbox in production mode" in done.stderr

    @pytest.mark.slow
    def test_has_no_demo(self) -> None:
        done = run("manage.py", "demo", "--in-process")
        assert done.returncode != 0
        assert "There is no demo in production mode" in done.stderr

    @pytest.mark.slow
    def test_has_no_sandbox_anywhere(self) -> None:
        """No webhook door, no gateway, no clock to move, no sweep; and pages do not say SANDBOX."""
        script = """
import django; django.setup()
from datetime import timedelta
from django.conf import settings
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve
from finance.gateways import registry, sandbox
from realco import clock
from realco.errors import Refusal
door = resolve("/webhooks/sandbox")
for attempt in (
    lambda: door.func(RequestFactory().post("/webhooks/sandbox", b"{}", content_type="application/json")),
    lambda: registry.named("sandbox"),
    lambda: clock.advance(timedelta(days=1)),
    lambda: sandbox.lookup("x", at=clock.now()),
):
    try:
        attempt()
    except (Http404, Refusal) as refusal:
        print(type(refusal).__name__)
print(settings.SANDBOX, settings.PAYMENT_GATEWAY, [t for t in settings.CELERY_BEAT_SCHEDULE if "sandbox" in t])
"""
        done = run("-c", script)
        assert done.stdout.split("\n")[:5] == [
            "Http404",
            "UnknownProvider",
            "NoSandbox",
            "NoSandbox",
            "False manual []",
        ]


class TestHere:
    def test_tests_run_in_test_mode(self) -> None:
        assert settings.MODE == "test"

    def test_cookies_and_pages_are_closed_to_others(self) -> None:
        assert settings.SESSION_COOKIE_HTTPONLY
        assert settings.X_FRAME_OPTIONS == "DENY"
        assert "unsafe" not in str(settings.CONTENT_SECURITY_POLICY)
