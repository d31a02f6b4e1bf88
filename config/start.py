"""What a web process asks before it serves: are these settings fit for people and data?"""

from __future__ import annotations

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured

CHECKS = ("start", "lockstep")


def require_fit_settings() -> None:
    """Raise ImproperlyConfigured with a sentence and a fix for each setting that is not. gunicorn then ends, code 3."""
    found = [problem for problem in run_checks(tags=CHECKS) if problem.level >= ERROR]
    if found:
        lines = [f"{problem.id} {problem.msg} {problem.hint or ''}".rstrip() for problem in found]
        raise ImproperlyConfigured("\n".join(["Lockstep does not start with these settings.", *lines]))
