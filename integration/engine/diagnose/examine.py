"""Examine one integration: run every check, one after the other; none that fails or crashes stops the rest.

Called by the console and by `manage.py diagnose`. It changes nothing at a vendor and in no state of ours; the calls it
makes are recorded as all calls are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise
from integration.engine.diagnose import hub_checks, vendor_checks
from integration.engine.diagnose.findings import (
    NOT_OK,
    Finding,
    Look,
    Report,
    fault,
    passed_over,
    refused,
    told,
)
from integration.engine.diagnose.mapping_check import mapping
from integration.engine.flow.recipe import Recipes
from integration.engine.insight.issues import Status
from integration.engine.insight.status import status_of
from integration.errors import IntegrationError
from integration.models import Integration, VendorCall

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """One check. `sided` ones run for both vendors; `asks` those whose vendor must have answered before."""

    key: str
    label: StrOrPromise
    run: Callable[[Look, str], Iterator[Finding]]
    sided: bool = False
    asks: bool = False


CHECKS = (
    Check("state", _("Switched on"), hub_checks.state),
    Check("credentials", _("Credentials of {vendor}"), vendor_checks.credentials, sided=True),
    Check("rights", _("Rights at {vendor}"), vendor_checks.rights, sided=True, asks=True),
    Check("webhooks", _("Webhooks of {vendor}"), vendor_checks.webhooks, sided=True, asks=True),
    Check("events", _("Events from {vendor}"), hub_checks.events, sided=True),
    Check("fields", _("Fields at {vendor}"), vendor_checks.fields, sided=True, asks=True),
    Check("mapping", _("Field mapping"), mapping, asks=True),
    Check("opt_ins", _("Opt-in emails"), hub_checks.opt_ins),
    Check("steps", _("Last save"), hub_checks.steps),
    Check("worker", _("Worker"), hub_checks.worker),
    Check("queue", _("Queue"), hub_checks.queue),
    Check("clock", _("Clock of {vendor}"), vendor_checks.clock, sided=True),
    Check("budget", _("Budget at {vendor}"), hub_checks.budget, sided=True),
    Check("jobs", _("Held and dead jobs"), hub_checks.jobs),
)

# The check that says the same as these issues of the status in words of its own.
TELLS = {"mapping_broken": "mapping", "webhook_missing": "webhooks", "step_failed": "steps"}


def examine(integration: Integration, recipes: Recipes) -> Report:
    """Run all checks on one integration (loaded with its connections and tenant)."""
    started = time.monotonic()
    look = Look(integration, recipes)
    try:
        findings = tuple(_all(look))
    finally:
        VendorCall.objects.bulk_create(look.ctx.calls)
    status = status_of(integration, recipes)
    return Report(integration, (*findings, *_untold(findings, status)), time.monotonic() - started, status)


def _untold(findings: Sequence[Finding], status: Status) -> Iterator[Finding]:
    """What the status says and no check has found: the diagnosis never knows less than the pages."""
    found = {code for finding in findings if finding.status == NOT_OK for code in (finding.code, finding.about)}
    checks = {finding.check for finding in findings if finding.status == NOT_OK}
    for issue in status.wrong:
        if issue.code not in found and TELLS.get(issue.code) not in checks:
            yield replace(told(issue), check="status", label=gettext("Status"))


def _all(look: Look) -> Iterator[Finding]:
    for check in CHECKS:
        for side in ("left", "right") if check.sided else ("",):
            label = check.label.format(vendor=look.vendor(side)) if side else str(check.label)
            for finding in _run(look, check, side):
                look.codes.add(finding.code)
                yield replace(finding, check=check.key, label=label, side=side)


def _run(look: Look, check: Check, side: str) -> Iterable[Finding]:
    """The findings of one check; what it had found before it failed counts."""
    if check.asks and (why := look.unanswered.get(side) or (not side and next(iter(look.unanswered.values()), ""))):
        return [passed_over(why)]
    found: list[Finding] = []
    try:
        found.extend(check.run(look, side))
    except IntegrationError as exc:
        found.append(refused(look, exc))
    except Exception as exc:
        log.exception("The check %s of integration %s crashed.", check.key, look.integration.pk)
        found.append(fault("check_crashed", error=type(exc).__name__))
    return found
