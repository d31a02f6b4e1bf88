"""A real Chromium for pages that need one. Without the program they are skipped, but not in CI, which installs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
expect.set_options(timeout=30_000)  # milliseconds; a machine that runs other tests beside takes its time
DESKTOP = {"width": 1200, "height": 850}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, started once per module. Its loop runs in this thread, so Django is told to allow that."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        assert not os.environ.get("REQUIRE_BROWSER"), "Chromium is missing"
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Browser, live_server: Any) -> Iterator[Any]:
    """Give `browse(user, **options)`: a page of somebody who is signed in, at the test's own server."""
    contexts: list[BrowserContext] = []

    def browse(user: Any, **options: Any) -> Any:
        client = Client()
        client.force_login(user)
        context = chromium.new_context(base_url=live_server.url, **{"viewport": DESKTOP, **options})
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        contexts.append(context)
        return context.new_page()

    yield browse
    for context in contexts:
        context.close()
