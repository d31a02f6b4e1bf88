"""Why is this person (not) in step? The first rule that keeps a record out, worked out now, with both systems' values.

Called by the person pages of portal and console. Reads, decides as a sync would, writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONObject, JSONValue
from integration.engine.flow.base import Flow, Item, Record, RecordOutcome
from integration.engine.flow.recipe import Found, Recipe
from integration.engine.flow.session import SyncSession
from integration.engine.insight import preview
from integration.engine.insight.look_now import Look, look
from integration.engine.sync import batch
from integration.errors import IntegrationError
from integration.models import Integration, JobState, Outcome, RecordLink, State, SyncJob
from integration.reasons import Reason

OTHER_RULES = {
    "paused": (_("The integration is paused."), _("Press Resume; the changes collected meanwhile are then synced.")),
    "draft": (_("The integration is still being set up."), _("Save its settings.")),
    "uninstalled": (_("The integration was uninstalled."), _("Connect the two apps again.")),
    "tenant_off": (_("This tenant is switched off."), _("An operator can switch it on.")),
    "never_seen": (
        _("We cannot find this record in the app it comes from."),
        _(
            "Check the address, and whether the connected user may see the record. If it was just created, try "
            "again in a minute."
        ),
    ),
    "waiting": (_("A change of this record is in the queue."), _("Nothing to do; it is synced by itself.")),
}


@dataclass(frozen=True)
class Verdict:
    """Where one record stands in one flow. `rule` is the code of the first rule that keeps it out, empty for none.

    `source` and `target` hold live values by field; None where the system was not asked or does not have the record.
    """

    flow: str
    flow_label: str
    external_id: str
    name: str = ""
    rule: str = ""
    said: str = ""
    fix: str = ""
    detail: str = ""
    action: str = ""  # what a sync would do now
    source: JSONObject | None = None
    target: JSONObject | None = None
    link: RecordLink | None = None
    job: SyncJob | None = None
    look: Look | None = None  # both sides compared now; None where that is not possible
    problems: tuple[str, ...] = ()  # vendors that could not be asked

    @property
    def in_step(self) -> bool:
        """Whether both sides were just read and are alike. What is remembered of a record proves nothing."""
        return not self.rule and not self.action and self.look is not None and self.look.alike


def verdicts(integration: Integration, recipe: Recipe, text: str, ids: tuple[str, ...] = ()) -> list[Verdict]:
    """One verdict per record that `text` (address, name or id) finds at the source, or that `ids` names from our rows.

    The ids are those of links of the recipe's main flow.

    Nobody found gives one verdict that says so. A vendor that does not answer is a sentence in `problems`.
    """
    general = _general_rule(integration)
    if integration.state == State.UNINSTALLED:
        return [_said(recipe, Verdict("", "", ""), general)]
    problems: list[str] = []
    with preview.looking(integration, recipe) as ctx:
        found = _find(ctx, text, ids, problems)
        return [_verdict(ctx, hit, general, problems) for hit in found] or [
            _said(recipe, Verdict("", "", "", problems=tuple(problems)), general or ("" if problems else "never_seen"))
        ]


def _find(ctx: SyncSession, text: str, ids: tuple[str, ...], problems: list[str]) -> list[Found]:
    try:
        found = list(ctx.recipe.search(ctx, text)) if text else []
    except IntegrationError as exc:
        problems.append(exc.public)
        found = []
    flow = ctx.recipe.main_flow.key
    known = {hit.external_id for hit in found}
    return found + [Found(flow, external_id, "") for external_id in ids if external_id not in known]


def _verdict(ctx: SyncSession, hit: Found, general: str, problems: list[str]) -> Verdict:
    flow = ctx.recipe.flow(hit.flow)
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=flow.link_type, source_id=hit.external_id)
    jobs = SyncJob.objects.filter(integration=ctx.integration, flow=flow.key, external_id=hit.external_id)
    link, job = rows.first(), jobs.first()
    base = Verdict(flow.key, str(flow.label), hit.external_id, name=hit.name or hit.email, link=link, job=job)
    notes = list(problems)
    item = Item(hit.external_id)  # as if a change had come in now
    try:
        records = flow.read(ctx, [item])
        done = batch.process(ctx, flow, [item], records)[0]
    except IntegrationError as exc:
        return _said(ctx.recipe, replace(base, problems=(*notes, exc.public)), general or exc.reason)
    record = records.get(hit.external_id)
    target = _at_target(ctx, record.email if record else hit.email, link, notes)
    seen = _compared(ctx, flow, hit.external_id, records, notes)
    shown = replace(base, detail=done.result.detail, target=target, problems=tuple(notes), look=seen)
    shown = replace(shown, action=_action(done))
    if record is not None:
        shown = replace(shown, name=str(record.values.get("name") or base.name), source=_flat(record.values))
    return _said(ctx.recipe, shown, general or _flow_rule(ctx, flow) or _job_rule(job) or _decided(done))


def _at_target(ctx: SyncSession, email: str, link: RecordLink | None, notes: list[str]) -> JSONObject | None:
    try:
        return ctx.recipe.at_target(ctx, email, link)
    except IntegrationError as exc:
        notes.append(exc.public)
        return None


def _compared(
    ctx: SyncSession, flow: Flow, external_id: str, records: Mapping[str, Record], notes: list[str]
) -> Look | None:
    try:
        return look(ctx, flow, external_id, records)
    except IntegrationError as exc:
        if exc.public not in notes:
            notes.append(exc.public)
        return None


def _general_rule(integration: Integration) -> str:
    """What keeps everybody of this integration out."""
    if integration.state != State.ACTIVE:
        return str(integration.state)
    if not integration.tenant.is_active:
        return "tenant_off"
    for connection in (integration.left, integration.right):
        if not connection.usable:
            return connection.health_reason or Reason.CREDENTIALS_REFUSED
    return ""


def _flow_rule(ctx: SyncSession, flow: Flow) -> str:
    return "" if flow.enabled(ctx.settings) else Reason.FLOW_OFF


def _job_rule(job: SyncJob | None) -> str:
    """What our own row says: held, failed for good, or waiting for its turn or its next try."""
    if job is None or job.state == JobState.DONE:
        return ""
    if job.state in (JobState.HELD, JobState.DEAD):
        return job.reason or Reason.INTERNAL_ERROR
    later = job.next_attempt_at > timezone.now()
    return job.reason if later and job.reason else "waiting"


def _decided(done: RecordOutcome) -> str:
    """What the flow decided. A record that is in step already is kept out by nothing."""
    in_step = done.result.reason in (Reason.UNCHANGED, Reason.ECHO)
    return "" if _action(done) or in_step else str(done.result.reason)


def _action(done: RecordOutcome) -> str:
    """What would be done with the record; empty where nothing would."""
    if done.write is None or done.result.outcome != Outcome.SYNCED:
        return ""
    return done.result.action or done.write.action


def _said(recipe: Recipe, verdict: Verdict, rule: str) -> Verdict:
    if rule in OTHER_RULES:
        said, fix = OTHER_RULES[rule]
        return replace(verdict, rule=rule, said=str(said), fix=str(fix))
    text = recipe.reason_text(rule)
    if text is None:
        return verdict
    return replace(verdict, rule=rule, said=str(text.what), fix=str(text.fix))


def _flat(values: JSONObject) -> dict[str, JSONValue]:
    """Values by path, one level of nesting opened; empty ones left out."""
    return {path: value for path, value in _walk(values) if value not in (None, "", [], {})}


def _walk(values: JSONObject) -> Iterator[tuple[str, JSONValue]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", part) for inner, part in value.items())
        else:
            yield key, value
