"""The writes of person → contact: an import for many, single calls for few and for what an import cannot do.

Rules of the vendor that decide the shape (brevo sheet §4, §8): no call of ours touches the blocklist; joining a list
that a person left alone would subscribe them again, so those are written without it; an import tells no row's outcome.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from integration.connectors.brevo import webhooks
from integration.connectors.brevo.api import Duplicate
from integration.connectors.brevo.bodies import chunks
from integration.connectors.brevo.records import Contact
from integration.engine.api import Enqueue, Record, Result, Write, consent_ledger, provisioning, setting, write_each
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import NoReason, Reason, ReasonCode
from integration.recipes.pipedrive_brevo.directory import left_lists
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session

if TYPE_CHECKING:
    from integration.recipes.pipedrive_brevo.person_to_contact import PersonToContact

FEW = 20  # up to here single calls, which answer at once; above it one import
IMPORT, IMPORTED_AT = "import", "imported_at"  # in a link's notes: the import it travels with, and since when
LEFT = "left_lists"  # in a link's notes: lists this person left alone
ORGANIZATION = "organization"  # in a link's notes: the person's organization, for the company's links
Results = dict[int, Result]


def write(ctx: Session, flow: PersonToContact, writes: Sequence[Write]) -> list[Result]:
    """Carry out the writes by kind of action; one result per write, in order."""
    groups: dict[str, list[Write]] = defaultdict(list)
    for entry in writes:
        groups["upsert" if entry.action in ("create", "update") else entry.action].append(entry)
    results: Results = {}
    single: Mapping[str, Callable[[Session, Write], Result]] = {
        "change_address": change_address, "leave_list": leave_list, "delete": delete,
        "merge": lambda ctx, entry: merge(ctx, flow, entry),
        "merge_persons": merge_persons,
    }  # fmt: skip
    for action, group in groups.items():
        results.update(upsert(ctx, group) if action == "upsert" else _one_by_one(ctx, group, single[action]))
    return [results[id(entry)] for entry in writes]


def all_list(ctx: Session) -> int:
    """The list every contact joins: the tenant's choice, or the one provisioning made."""
    return int(ctx.settings["list_all"] or ctx.resource("list_all"))


def upsert(ctx: Session, writes: Sequence[Write]) -> Results:
    """Create and update people: few one by one, many by import."""
    if len(writes) <= FEW:
        return _one_by_one(ctx, writes, _single)
    left = left_lists(ctx)
    alone = [entry for entry in writes if _needs_a_call_of_its_own(ctx, entry, left)]
    together = [entry for entry in writes if entry not in alone]
    results = _one_by_one(ctx, alone, _single)
    by_email = {entry.values["email"].lower(): entry for entry in together}
    for chunk in chunks([contact_of(entry) for entry in together]):
        results.update(_imported(ctx, chunk, [by_email[contact.email.lower()] for contact in chunk]))
    return results


def _needs_a_call_of_its_own(ctx: Session, entry: Write, left: Mapping[str, Sequence[int]]) -> bool:
    """An import joins its list, clears nothing and says nothing: not for who left it, what clears, what it left out."""
    clears = entry.link is not None and any(
        value is None and entry.link.written.get(key) is not None for key, value in entry.values.items()
    )
    has_left = all_list(ctx) in [*left.get(entry.values["email"].lower(), ()), *_left(entry.link)]
    return clears or has_left or bool(entry.item.hint.get("alone"))


def _imported(ctx: Session, contacts: Sequence[Contact], writes: Sequence[Write]) -> Results:
    """Hand one chunk over. What became of it is found out by the flow `import_check`, which the results ask for."""
    marker, started = uuid.uuid4().hex, timezone.now().isoformat()
    endpoint = provisioning.ensure_endpoint(ctx.integration.right)
    notify = webhooks.notify_url(provisioning.endpoint_url(endpoint), endpoint.secret["current"], marker)
    process = ctx.right.import_contacts(contacts, [all_list(ctx)], notify_url=notify)
    check = Enqueue("import_check", marker, {"process": process, "started": started})
    notes = {IMPORT: marker, IMPORTED_AT: started}
    return {id(entry): _synced(ctx, entry, notes, action="import", follow_ups=(check,)) for entry in writes}


def _single(ctx: Session, entry: Write) -> Result:
    link = entry.link
    if link is not None and link.state == LinkState.ACTIVE:
        return _updated(ctx, entry, link)
    found = ctx.right.find_contact(entry.values["email"])
    left = found.left_list_ids if found is not None else ()
    join = [number for number in (all_list(ctx),) if number not in left]
    known = found.id if found is not None else ""
    made, said = _without_taken_phone(
        contact_of(entry), lambda contact: ctx.right.upsert_contact(contact, join) or known
    )
    notes = {LEFT: list(left), **({"blocklisted": True} if found is not None and found.blocklisted else {})}
    return _synced(ctx, entry, notes, target_id=made, said=said, note="" if join else BrevoReason.LEFT_LIST)


def _updated(ctx: Session, entry: Write, link: RecordLink) -> Result:
    """Change the contact we know; one that is gone was deleted there on purpose and is not put back."""
    attributes = {key: value for key, value in entry.values.items() if key != "email"}

    def change(contact: Contact) -> str:
        ctx.right.update_contact(_key(entry), contact)
        return str(link.target_id)

    try:
        made, said = _without_taken_phone(Contact(attributes=attributes), change)
    except NotFound:
        return Result(Outcome.SKIPPED, reason=Reason.REMOVED_AT_TARGET, link_state="removed", written={},
                      notes={"removed_at_target": True}, call=ctx.last_call())  # fmt: skip
    return _synced(ctx, entry, {}, target_id=made, said=said)


def _without_taken_phone(contact: Contact, send: Callable[[Contact], str]) -> tuple[str, str]:
    """Send; when another contact has the phone number, send again without it and say so."""
    try:
        return send(contact), ""
    except Duplicate as clash:
        if clash.identifiers != {"SMS"}:
            raise
        rest = {key: value for key, value in contact.attributes.items() if key != "SMS"}
        return send(Contact(contact.email, rest, contact.ext_id)), "SMS: another contact has this number."


def change_address(ctx: Session, entry: Write) -> Result:
    """The primary address changed: so does the contact's, which stays on the blocklist if it was there."""
    attributes = {key: value for key, value in entry.values.items() if key != "email"}

    def change(contact: Contact) -> str:
        ctx.right.update_contact(_key(entry), contact)
        return str(entry.link.target_id) if entry.link else ""

    try:
        made, said = _without_taken_phone(Contact(entry.values["email"], attributes), change)
    except NotFound:
        return _single_anew(ctx, entry)
    return _synced(ctx, entry, {}, target_id=made, said=said)


def _single_anew(ctx: Session, entry: Write) -> Result:
    """Nobody has the old address any more: the new one is looked at like that of a new person."""
    entry.link = None
    return _single(ctx, entry)


def leave_list(ctx: Session, entry: Write) -> Result:
    """The person was deleted and the setting asks to take the contact off the list."""
    try:
        ctx.right.update_contact(_key(entry), Contact(), leave=[all_list(ctx)])
    except NotFound:
        return Result(
            Outcome.SKIPPED, reason=Reason.REMOVED_AT_TARGET, link_state="removed", written={}, call=ctx.last_call()
        )
    return Result(Outcome.SYNCED, link_state="removed", written={}, call=ctx.last_call())


def delete(ctx: Session, entry: Write) -> Result:
    """The person was deleted and the setting asks to delete the contact too."""
    ctx.right.delete_contact(_key(entry))
    return Result(Outcome.SYNCED, link_state="removed", written={}, call=ctx.last_call())


def merge(ctx: Session, flow: PersonToContact, entry: Write) -> Result:
    """Two people were merged in Pipedrive: the loser's contact follows the survivor, unless that one has its own."""
    survivor_id, loser = str(entry.item.hint["merged_into"]), entry.link
    survivor = RecordLink.objects.filter(integration=ctx.integration, link_type="person", source_id=survivor_id).first()
    if loser is not None and survivor is None and loser.state == LinkState.ACTIVE:
        consent_ledger.take_over(ctx, flow.side, _handed_over(loser, survivor_id), merged=loser.source_id)
    told = Enqueue("person_to_event", survivor_id, {"event_person_merged": timezone.now().isoformat()})
    again = Enqueue("person_to_contact", survivor_id)
    return Result(Outcome.SKIPPED, reason=Reason.MERGED, link_state="removed", written={}, follow_ups=(again, told))


def _handed_over(loser: RecordLink, survivor_id: str) -> RecordLink:
    return RecordLink(
        integration=loser.integration, link_type=loser.link_type, source_id=survivor_id, target_id=loser.target_id,
        email_hash=loser.email_hash, state=loser.state, written=loser.written, notes=loser.notes,
    )  # fmt: skip


def merge_persons(ctx: Session, entry: Write) -> Result:
    """The tenant wants persons with one address merged: this one goes into the one that owns the contact."""
    owner = str(entry.values["owner"])
    ctx.left.merge("person", entry.item.external_id, owner)
    again = Enqueue("person_to_contact", owner)
    return Result(Outcome.SYNCED, link_state=None, call=ctx.last_call(), follow_ups=(again,),
                  detail=f"Merged into person {owner}.", reason=Reason.MERGED)  # fmt: skip


def contact_of(entry: Write) -> Contact:
    """The contact to write whole; what is empty is left out, so that it erases nothing that was there before us."""
    values = {key: value for key, value in entry.values.items() if key != "email" and value is not None}
    return Contact(entry.values["email"], values)


def _key(entry: Write) -> str:
    """How Brevo knows the contact: its id, or the address we last wrote."""
    link = entry.link
    written = link.written.get("email") if link else None
    return str((link.target_id if link else "") or written or (entry.record.email if entry.record else ""))


def _left(link: RecordLink | None) -> list[int]:
    return list(link.notes.get(LEFT) or ()) if link else []


def _synced(
    ctx: Session,
    entry: Write,
    notes: Mapping[str, Any],
    *,
    target_id: str = "",
    said: str = "",
    note: ReasonCode | NoReason = "",
    action: str = "",
    follow_ups: tuple[Enqueue, ...] = (),
) -> Result:
    """In step now. What a webhook told of becomes an event, unless it was part of a bulk run."""
    event = "event_person_added" if entry.action == "create" else "event_person_updated"
    told = entry.item.hint.get("told") and setting(ctx.settings, event)
    wishes = (Enqueue("person_to_event", entry.item.external_id, {event: timezone.now().isoformat()}),) if told else ()
    arrived = {} if action == "import" else {IMPORT: None}
    whole = entry.values if entry.remember is None else entry.remember
    written = {**whole, "SMS": None} if said else None  # what did not arrive is not remembered as written
    return Result(
        Outcome.SYNCED, target_id=target_id, notes={**arrived, **notes, ORGANIZATION: organization_of(entry.record)},
        reason=BrevoReason.PHONE_TAKEN if said else note, detail=said, action=action, call=ctx.last_call(),
        written=written, follow_ups=(*follow_ups, *wishes, *companies_of(ctx, entry)),
    )  # fmt: skip


def organization_of(record: Record | None) -> str:
    """The id of a person's organization, empty without one."""
    found = (record.values.get("org_id") if record else None) or {}
    return str(found.get("id") or "")


def companies_of(ctx: Session, entry: Write) -> list[Enqueue]:
    """The companies whose links change with this person: of the organization it has, and of the one it had."""
    before = str((entry.link.notes if entry.link else {}).get(ORGANIZATION) or "")
    now = organization_of(entry.record)
    changed = {before, now} - {""} if before != now else set()
    on = ctx.settings["organizations_enabled"]
    return [Enqueue("organization_to_company", key) for key in sorted(changed)] if on else []


def _one_by_one(ctx: Session, writes: Sequence[Write], call: Callable[[Session, Write], Result]) -> Results:
    results = write_each(ctx, writes, lambda entry: call(ctx, entry))
    return {id(entry): result for entry, result in zip(writes, results, strict=True)}
