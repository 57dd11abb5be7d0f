"""
A real browser for tests of pages: started once in each process that tests, with a context of its own for each person.

Playwright's event loop runs in the thread of the tests. It is known to run only while a test uses the browser, because
Django gives whoever asks beside a running loop other connections.
"""

import asyncio
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MARKS = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]
WIDTHS = (320, 1280)
HEIGHT = 800


@pytest.fixture(scope="session")
def started_browser(live_server: Any) -> Iterator[tuple[Any, asyncio.AbstractEventLoop]]:
    """A browser that ends before the server does, and the loop that speaks with it."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield running, loop
        asyncio._set_running_loop(loop)
        running.close()


@pytest.fixture
def browser(
    live_server: Any,
    started_browser: tuple[Any, asyncio.AbstractEventLoop],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    """The browser, whose pages close when the test ends, so that no request thread keeps the database open."""
    running, loop = started_browser
    # Django would refuse queries beside the loop.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    asyncio._set_running_loop(loop)
    try:
        yield running
        for context in running.contexts:
            context.close()
        # Queries made beside the loop had a connection of their own.
        connections.close_all()
    finally:
        asyncio._set_running_loop(None)


def require_fit(page: Any, name: str = "") -> None:
    """Require that an open page scrolls sideways at neither width."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name or page.url, width)
