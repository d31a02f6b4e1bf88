"""What a check says: fine, not ok with cause and fix, or not applicable; and what the checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext

from integration.connectors.base import FieldSpec
from integration.engine.clients.session import OpenSession
from integration.engine.diagnose.faults import CONNECTION, DIFFERENCES, FAULTS, JOBS, MAPPING, SETTINGS
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.insight.issues import Issue, Mend, Status
from integration.engine.insight.status import status_of
from integration.errors import IntegrationError, TenantActionError
from integration.models import Connection, Integration, JobState

BUTTONS = {
    Mend.ACCOUNT: CONNECTION, Mend.VENDOR: CONNECTION, Mend.SETTINGS: SETTINGS, Mend.MAPPING: MAPPING,
    Mend.DRIFT: DIFFERENCES,
}  # fmt: skip
OK, NOT_OK, NOT_APPLICABLE = "ok", "not_ok", "not_applicable"


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis. `code` is a fault's or a reason's; `button` names the console's button for the fix."""

    status: str
    what: str
    cause: str = ""
    fix: str = ""
    code: str = ""
    button: str = ""
    detail: str = ""  # the vendor's own words, redacted; for operators
    check: str = ""
    label: str = ""
    side: str = ""
    about: str = ""  # what the button narrows to, for example a reason


class Look:
    """One integration under examination, and what earlier checks found out for later ones."""

    def __init__(self, integration: Integration, recipes: Recipes) -> None:
        self.integration = integration
        self.recipes = recipes
        self.recipe: Recipe = recipes(integration.recipe)
        self.ctx = OpenSession(integration, self.recipe)
        self.now = timezone.now()
        self.unanswered: dict[str, str] = {}  # side → why nothing more is asked there
        self.codes: set[str] = set()  # what is wrong so far
        self._fields: dict[tuple[str, str], Mapping[str, FieldSpec]] = {}

    @cached_property
    def status(self) -> Status:
        """As every page shows it, from when a check first asks."""
        return status_of(self.integration, self.recipes)

    def connection(self, side: str) -> Connection:
        """The connection on one side."""
        return self.ctx.connection(side)

    def vendor(self, side: str) -> str:
        """The vendor's name on one side."""
        return self.connection(side).connector.label

    def fields(self, side: str, object_type: str) -> Mapping[str, FieldSpec]:
        """The vendor's fields as they are now, asked once."""
        key = (side, object_type)
        if key not in self._fields:
            self._fields[key] = self.ctx.fields(side, object_type, fresh=True)
        return self._fields[key]


def fine(what: str) -> Finding:
    """All is well."""
    return Finding(OK, what)


def passed_over(what: str) -> Finding:
    """Nothing to look at here, and why."""
    return Finding(NOT_APPLICABLE, what)


def fault(code: str, *, about: str = "", **values: str | int) -> Finding:
    """Something of the closed list is wrong."""
    known = FAULTS[code]
    what, cause, fix = (str(text.format(**values)) for text in (known.what, known.cause, known.fix))
    return Finding(NOT_OK, what, cause, fix, code, known.button, about=about)


def told(issue: Issue) -> Finding:
    """What the status says, with the likely cause where the closed list knows one."""
    known = FAULTS.get(issue.code)
    cause, fix = (str(known.cause), str(known.fix)) if known else ("", issue.fix)
    button = known.button if known else BUTTONS.get(issue.mend, "")
    if issue.job_state == JobState.DEAD:
        button = JOBS
    about = issue.code if button == JOBS else ""
    return Finding(NOT_OK, issue.what, cause, fix, issue.code, button, issue.detail, side=issue.side, about=about)


def refused(look: Look, exc: IntegrationError) -> Finding:
    """A vendor's answer is what is wrong; cause and fix are the reason's."""
    button = CONNECTION if isinstance(exc, TenantActionError) else ""
    return replace(because(look, exc.reason, f"{exc.public} {exc.detail}".strip()), button=button)


def because(look: Look, code: str, detail: str = "", button: str = "") -> Finding:
    """Something is wrong for one of the known reasons."""
    known = look.recipe.reason_text(code)
    if known is None:
        return Finding(NOT_OK, detail or gettext("It does not work."), code=code, button=button)
    return Finding(NOT_OK, str(known.what), str(known.cause), str(known.fix), code, button, detail)


def span(since: datetime, until: datetime) -> str:
    """The time between two moments as a person would say it: 5 minutes."""
    if (until - since).total_seconds() < 60:
        return gettext("less than a minute")
    return timesince(since, until, depth=1).replace("\xa0", " ")


@dataclass(frozen=True)
class Report:
    """The whole diagnosis of one integration."""

    integration: Integration
    findings: tuple[Finding, ...]
    took: float
    status: Status  # as every page shows it, computed after the checks
    at: datetime = field(default_factory=timezone.now)

    @property
    def faults(self) -> list[Finding]:
        """What is not ok."""
        return [finding for finding in self.findings if finding.status == NOT_OK]
