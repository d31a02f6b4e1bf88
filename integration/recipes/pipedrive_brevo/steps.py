"""What installing this recipe makes: a status field in Pipedrive, attributes and a list in Brevo.

Every step looks first and creates only what is missing, so it may run again at any time and repairs what was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.connectors.base import FieldSpec
from integration.engine.api import EventContext, NeededField, Step, catalogue, new_fields, save_jobs
from integration.errors import ContractError
from integration.models import FieldMapping, RecordLink, SyncJob
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import SUBSCRIBED, PersonState
from integration.recipes.shared import custom_fields, pipedrive_fields
from integration.recipes.shared.pipedrive_fields import OptionField

FLOW = "person_to_contact"
STATUS = OptionField(
    "status", "Brevo status",
    {"status_subscribed": "Subscribed", "status_unsubscribed": "Unsubscribed", "status_bounced": "Bounced"},
)  # fmt: skip
FOLDER, LIST = "Pipedrive", "Pipedrive contacts"
COMPANY_KEY = "Pipedrive id"


def steps(ctx: Session) -> Sequence[Step]:
    """The steps for the present settings."""
    if not ctx.settings["persons_enabled"]:
        return []
    found = [
        Step("status", "Field “Brevo status” in Pipedrive", status_field),
        Step("attributes", "Contact attributes in Brevo", attributes),
        Step("list", "List of all contacts in Brevo", contact_list),
    ]
    if ctx.settings["organizations_enabled"]:
        found.append(Step("companies", "Company attribute “Pipedrive id” in Brevo", company_attribute))
    return found


def needed_fields(ctx: Session) -> Sequence[NeededField]:
    """The status field with its options."""
    if not ctx.settings["persons_enabled"]:
        return []
    return [STATUS.needed(ctx.resources)]


def status_field(ctx: Session) -> str:
    """Make sure that our field and its options exist. What was made anew is empty for everybody and filled again."""
    found = pipedrive_fields.ensure(ctx, STATUS)
    if not found.anew and not found.replaced:
        return found.said
    return f"{found.said}, {_restore_status(ctx)} values are being written back"


def _restore_status(ctx: Session) -> int:
    """Queue everybody of whom Pipedrive showed more than that they may be mailed."""
    shown = RecordLink.objects.filter(integration=ctx.integration, link_type="person", notes__has_key="reported")
    hint = EventContext(restore=True).stored
    jobs = [
        SyncJob(integration=ctx.integration, flow="contact_to_person", external_id=link.source_id, hint=hint)
        for link in shown.iterator(chunk_size=2000)
        if PersonState.of(link).reported not in (None, SUBSCRIBED)
    ]
    save_jobs(jobs)
    return len(jobs)


def attributes(ctx: Session) -> str:
    """Create the mapped attributes that Brevo does not have yet, with the right type."""
    custom_fields.sync_rows(ctx, FLOW)
    ctx.last_side = "right"
    known = ctx.fields("right", "contact", fresh=True)
    sources = catalogue(ctx, ctx.recipe.flow(FLOW)).sources
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow=FLOW).exclude(direction="off")
    missing = [row for row in rows if row.target not in known]
    wanted = [
        (
            sources[row.source].label if row.source in sources else row.target,
            FieldSpec(row.target, row.target, str(row.options.get("target_type") or "text"), custom=True),
        )
        for row in missing
    ]
    return new_fields.make(ctx, "right", "contact", wanted).said()


def company_attribute(ctx: Session) -> str:
    """The attribute that holds our key of a company; Brevo names it after its label."""
    ctx.last_side = "right"
    said = "in place"
    if not (key := _company_key(ctx)):
        spec = FieldSpec("", COMPANY_KEY, "text", custom=True)
        ctx.connection("right").connector.create_field(ctx.right, "company", spec)
        key, said = _company_key(ctx), "created"
    if not key:
        raise ContractError("Brevo does not list the company attribute it just made.")
    ctx.resources["company_key"] = key
    return said


def _company_key(ctx: Session) -> str:
    fields = ctx.fields("right", "company", fresh=True).values()
    return next((spec.key for spec in fields if spec.label == COMPANY_KEY), "")


def contact_list(ctx: Session) -> str:
    """The tenant's list must exist; without one there is a list of ours, in a folder of ours."""
    ctx.last_side = "right"
    lists = {row.id: row for row in ctx.right.get_lists()}
    chosen = str(ctx.settings["list_all"])
    if chosen:
        if chosen not in lists:
            raise ContractError("The list for all contacts no longer exists in Brevo. Choose another one.")
        return f"“{lists[chosen].name}”"
    found = next((row.id for row in lists.values() if row.name == LIST), "")
    if str(ctx.resources.get("list_all")) not in lists:
        folders = {row.name: row.id for row in ctx.right.get_folders()}
        folder = folders.get(FOLDER) or (ctx.right.create_folder(FOLDER) if not found else "")
        ctx.resources["list_all"] = int(found or ctx.right.create_list(LIST, folder))
    return f"“{LIST}”"
