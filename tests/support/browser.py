"""What a real browser says of a page: what axe finds, what was asked for, what went wrong in it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OURS = "#main, #content, main"  # of the console; the theme's frame is not ours


def serious(page: Page, within: str | None = None) -> list[str]:
    """Return what axe finds serious or critical, with the first element of each."""
    found = Axe().run(page, context=within).response["violations"]
    return [f"{row['id']}: {row['nodes'][0]['html']}" for row in found if row["impact"] in ("serious", "critical")]


class Heard:
    """The requests and the errors of a page from now on."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda problem: self.errors.append(problem.message))

    def asked_elsewhere(self, ours: str) -> list[str]:
        """The addresses that are not ours."""
        return [url for url in self.asked if not url.startswith(ours)]
