"""What is proven about security, one function per line of `make demo-check`. Each says what was seen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial

from django.conf import settings

from integration.management.demo import ownership, security_support
from integration.management.demo.leaving import Leaving
from integration.management.demo.stage import NotSeen, Stage

PUBLIC = "https://hub.example.com"


def refuses_development_in_public(stage: Stage) -> str:
    """Start a web process with the settings of this demo on a public address."""
    ended = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", "import config.wsgi"], cwd=settings.BASE_DIR, env={**os.environ, "PUBLIC_URL": PUBLIC},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    said = f"LOCKSTEP_DEVELOPMENT is set, but PUBLIC_URL={PUBLIC}"
    if ended.returncode == 0 or said not in ended.stderr:
        raise NotSeen(f"a web process with settings of development started on {PUBLIC}")
    return f"development settings on {PUBLIC}: refused at start, with the setting and its fix"


def items(stage: Stage) -> Iterator[tuple[int, Callable[[], str]]]:
    """The lines by their number. The tenant of the last two begins when its turn comes."""
    yield 1, partial(ownership.belongs_to_its_administrator, stage)
    yield 3, partial(security_support.support_sees_nothing, stage)
    yield 5, partial(refuses_development_in_public, stage)
    leaving = Leaving(stage)
    yield 6, leaving.erased
    yield 7, leaving.left
