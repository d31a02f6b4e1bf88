"""Every file that docs, README and the walks name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/*.md", "integration/**/*.md", "tests/walks/test_*.py")
    for path in sorted(ROOT.glob(pattern))
    if "decisions" not in path.parts  # they tell what was true on their day
]
PATH = re.compile(
    r"(?<![\w/.-])((?:integration|tenants|config|tests|sandbox|benchmarks|docs|deploy|\.ci)/[\w./-]*\w)(?![\w/*-])"
)
MADE = {"deploy/.env", "deploy/secrets"}  # by whoever installs it


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_a_page_names_exists(page: Path) -> None:
    named = {found.rstrip(".") for found in PATH.findall(page.read_text())}

    missing = {name for name in named - MADE if not (ROOT / name).exists()}

    assert missing == set()


def test_pages_name_paths_at_all() -> None:
    named = [PATH.findall(page.read_text()) for page in PAGES]
    assert sum(map(len, named)) > 100
