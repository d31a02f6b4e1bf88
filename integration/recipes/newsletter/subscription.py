"""The writes of person → contact. Updates go in one bulk call; what Maileon cannot do in bulk goes one by one.

Rules of the vendor that decide the shape (maileon sheet §2.2, §4, §10): bulk never starts an opt-in process and never
gets a permission for existing contacts; a second opt-in mail must not go out when the answer to the first was lost.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from integration.connectors.maileon.fields import STANDARD_FIELDS
from integration.connectors.maileon.records import UNKNOWN_FIELD_CODE, Contact, StoredContact
from integration.engine import links
from integration.engine.batch import each
from integration.engine.context import Context
from integration.engine.flow import FollowUp, Result, Write
from integration.models import LinkState
from integration.recipes.pipedrive_maileon import consent, merges
from integration.recipes.pipedrive_maileon.directory import known_contacts

if TYPE_CHECKING:
    from integration.recipes.pipedrive_maileon.person_to_contact import PersonToContact

STANDARD = frozenset(spec.key for spec in STANDARD_FIELDS)
MARK = "lockstep:"  # begins the `src` of every opt-in process we start; the vendor keeps it readable
MARK_FIELD = "CUSTOM_SOURCE"
SETTLING_TRIES = 4  # with the back-off: minutes, while Maileon needs seconds to forget an unsubscribed contact
Results = dict[int, Result]


def write(ctx: Context, flow: PersonToContact, writes: Sequence[Write]) -> list[Result]:
    """Carry out the writes by kind of action; one result per write, in order."""
    groups: dict[str, list[Write]] = defaultdict(list)
    for entry in writes:
        groups[entry.action].append(entry)
    results: Results = {}
    for action, group in groups.items():
        if action in ("update", "subscribe", "adopt"):
            results.update({"update": update, "subscribe": subscribe, "adopt": adopt}[action](ctx, group))
        else:
            single: Callable[[Context, Write], Result] = {
                "unsubscribe": unsubscribe, "delete": delete, "change_address": change_address, "merge": merges.merge,
            }[action]  # fmt: skip
            results.update(_one_by_one(ctx, group, single))
    return [results[id(entry)] for entry in writes]


def update(ctx: Context, writes: Sequence[Write], result: Callable[[Write], Result] | None = None) -> Results:
    """Update people in step: one bulk call that never creates and never touches a permission.

    Who came back after an opt-out still has the vendor's marker. With update_only, `reimport_unsubscribed` brings
    nobody back: it only keeps the marker from hiding people who are there.
    """
    made = result or (lambda entry: _synced(ctx, entry, {}))
    report = ctx.right.synchronize_contacts(
        [contact_of(entry) for entry in writes], update_only=True, reimport_unsubscribed=True
    )
    results = _invalid(ctx, writes, report.invalid)
    valid = [entry for entry in writes if id(entry) not in results]
    if report.existing >= len(valid):
        results.update({id(entry): made(entry) for entry in valid})
    elif len(valid) == 1:
        results[id(valid[0])] = _missing(ctx, valid[0])
    else:  # somebody is no longer there: halve, the call may be repeated without harm
        middle = len(valid) // 2
        results.update({**update(ctx, valid[:middle], result), **update(ctx, valid[middle:], result)})
    return results


def subscribe(ctx: Context, writes: Sequence[Write]) -> Results:
    """New people: by opt-in mail when that is on, else at once with the chosen permission."""
    if ctx.settings["doi_enabled"]:
        return _one_by_one(ctx, _announced(ctx, writes), _ask)
    permission = int(ctx.settings["permission"])
    report = ctx.right.synchronize_contacts([contact_of(entry) for entry in writes], permission=permission)
    results = _invalid(ctx, writes, report.invalid)
    valid = [entry for entry in writes if id(entry) not in results]
    if not report.existing and not report.unsubscribed:
        notes = consent.given(permission)
        return {**results, **{id(entry): _synced(ctx, entry, notes) for entry in valid}}
    return {**results, **_sorted_out(ctx, valid, permission, some_unsubscribed=bool(report.unsubscribed))}


def adopt(ctx: Context, writes: Sequence[Write]) -> Results:
    """People we may not ask by mail now: link those who already are contacts with a permission, pass over the rest."""
    known = known_contacts(ctx, writes)
    results: Results = {}
    there: list[Write] = []
    for entry in writes:
        contact = known.get(entry.values["email"].lower())
        if contact is not None and (contact.permission or 0) > consent.PERMISSION_NONE:
            there.append(entry)
        else:
            results[id(entry)] = Result("skipped", reason="not_asked_existing", link_state=None)
    if there:
        results.update(update(ctx, there, lambda entry: _synced(ctx, entry, _given_by(known, entry))))
    return results


def unsubscribe(ctx: Context, entry: Write) -> Result:
    """The person no longer wants the newsletter, or is gone. An unknown contact is as good as unsubscribed."""
    ctx.right.unsubscribe(_address(entry), reason="other|Newsletter switched off in Pipedrive")
    return _left(ctx, entry, consent.withdrawn(no_seen=True))


def delete(ctx: Context, entry: Write) -> Result:
    """The person was deleted and the setting asks to delete the contact too."""
    ctx.right.delete_contact(_address(entry))
    return Result(
        "synced", link_state="removed", notes=consent.withdrawn(no_seen=True), written={}, call=ctx.last_call()
    )


def change_address(ctx: Context, entry: Write) -> Result:
    """The primary address changed: keep the permission, or drop the old address and ask the new one by mail."""
    old = _address(entry)
    if ctx.settings["on_email_change"] == "ask_again" and ctx.settings["doi_enabled"]:
        result = _ask(ctx, _announced(ctx, [entry])[0])
        if result.outcome == "synced":
            ctx.right.delete_contact(old)
        return result
    ctx.right.update_contact(old, contact_of(entry))
    return _synced(ctx, entry, {})


def contact_of(entry: Write) -> Contact:
    """The contact to write: standard fields, custom fields, our external id."""
    values = {key: value for key, value in entry.values.items() if key not in ("email", "external_id")}
    return Contact(
        email=entry.values["email"],
        external_id=entry.values["external_id"],
        standard_fields={key: value for key, value in values.items() if key in STANDARD},
        custom_fields={key: value for key, value in values.items() if key not in STANDARD},
    )


def _ask(ctx: Context, entry: Write) -> Result:
    """Start the opt-in process once. What is there already, or was asked already, is never asked again."""
    address = entry.values["email"]
    found = ctx.right.find_contact(address, standard_fields=[MARK_FIELD])
    if found is not None and consent.of(entry.link) == consent.UNSUBSCRIBED and entry.item.attempts <= SETTLING_TRIES:
        # Unsubscribing is asynchronous: what is still readable may be the permission just withdrawn (sheet §3).
        return Result("retrying", reason="target_settling", link_state=None, call=ctx.last_call())
    if found is not None and (found.permission or 0) > consent.PERMISSION_NONE:
        return _refreshed(ctx, entry, consent.given(found.permission or 0))
    if found is not None and _asked_by_us(found):
        return _refreshed(ctx, entry, consent.asked())
    if not consent.is_new_wish(entry.link) and ctx.right.has_unsubscription_marker(address):
        return _opted_out(ctx, entry)
    ctx.right.create_contact(
        contact_of(entry),
        permission=consent.PERMISSION_NONE,
        doi=True,
        doiplus=True,
        doimailing=ctx.settings["doi_key"],
        src=entry.marker,
    )
    return _synced(ctx, entry, consent.asked(report_seen=_last_opt_out(ctx, entry)), action="ask_by_mail")


def _last_opt_out(ctx: Context, entry: Write) -> str:
    """When the person last opted out, as the report has it: the poll must not take that opt-out for a new one."""
    if consent.of(entry.link) != consent.UNSUBSCRIBED:
        return ""
    rows = ctx.right.iter_unsubscriptions(external_ids=[entry.values["external_id"]])
    return max((str(row.timestamp) for row in rows), default="")


def _announced(ctx: Context, writes: Sequence[Write]) -> list[Write]:
    """Give each write its marker and commit it before anything is sent."""
    for entry in writes:
        pending = entry.link is not None and entry.link.state == LinkState.PENDING
        entry.marker = entry.link.marker if pending and entry.link else f"{MARK}{uuid.uuid4().hex}"
    links.announce(ctx.integration, consent.LINK_TYPE, writes)
    return list(writes)


def _asked_by_us(contact: StoredContact) -> bool:
    return str(contact.standard_fields.get(MARK_FIELD) or "").startswith(MARK)


def _refreshed(ctx: Context, entry: Write, notes: Any) -> Result:
    """Write the data without any permission or mail."""
    return update(ctx, [entry], lambda write: _synced(ctx, write, notes, action="adopt"))[id(entry)]


def _sorted_out(ctx: Context, writes: Sequence[Write], permission: int, *, some_unsubscribed: bool) -> Results:
    """A bulk subscription met contacts that were there before, or addresses that opted out: look at each."""
    known = known_contacts(ctx, writes)
    results: Results = {}
    for entry in writes:
        contact = known.get(entry.values["email"].lower())
        if contact is None:
            opted_out = some_unsubscribed and ctx.right.has_unsubscription_marker(entry.values["email"])
            results[id(entry)] = _opted_out(ctx, entry) if opted_out else _synced(ctx, entry, consent.given(permission))
        elif (contact.permission or 0) > consent.PERMISSION_NONE or permission == consent.PERMISSION_NONE:
            results[id(entry)] = _synced(ctx, entry, _given_by(known, entry))
        elif ctx.right.has_unsubscription_marker(entry.values["email"]):
            results[id(entry)] = _opted_out(ctx, entry)
        else:  # there without a permission, for example from a deal: the Newsletter field now asks for one
            ctx.right.create_contact(contact_of(entry), permission=permission)
            results[id(entry)] = _synced(ctx, entry, consent.given(permission))
    return results


def _given_by(known: dict[str, StoredContact], entry: Write) -> Any:
    return consent.given(known[entry.values["email"].lower()].permission or consent.PERMISSION_NONE)


def _missing(ctx: Context, entry: Write) -> Result:
    """The contact is gone at Maileon: by unsubscribing (the marker says so) or because somebody deleted it."""
    if ctx.right.find_contact(entry.values["email"]) is not None:
        ctx.right.update_contact(entry.values["email"], contact_of(entry))
        return _synced(ctx, entry, {})
    if ctx.right.has_unsubscription_marker(entry.values["email"]):
        return _opted_out(ctx, entry)
    return Result(
        "skipped", reason="removed_at_target", link_state="removed", written={},
        notes={"removed_at_target": True, "consent": consent.NONE, "no_seen": False}, call=ctx.last_call(),
    )  # fmt: skip


def _opted_out(ctx: Context, entry: Write) -> Result:
    """Maileon knows an opt-out that Pipedrive does not show yet: remember it and let it travel back."""
    back = FollowUp("consent_to_person", entry.item.external_id)
    notes = consent.withdrawn(no_seen=False)
    return Result(
        "skipped",
        reason="unsubscribed",
        link_state="removed",
        written={},
        notes=notes,
        call=ctx.last_call(),
        follow_ups=(back,),
    )


def _left(ctx: Context, entry: Write, notes: Any) -> Result:
    target = entry.link.target_id if entry.link else ""
    back = () if entry.record is None else (FollowUp("consent_to_person", entry.item.external_id),)
    return Result(
        "synced", target_id=target, link_state="removed", written={}, notes=notes, call=ctx.last_call(), follow_ups=back
    )


def _synced(ctx: Context, entry: Write, notes: Any, action: str = "") -> Result:
    """In step now. A new state of consent travels back to the person."""
    was = consent.of(entry.link)
    state = notes.get("consent", was)
    back = (
        (FollowUp("consent_to_person", entry.item.external_id),) if state != was and state != consent.SUBSCRIBED else ()
    )
    return Result(
        "synced", target_id=entry.values["external_id"], notes={**notes, "field": ctx.resources["newsletter"]},
        action=action, call=ctx.last_call(), follow_ups=back,
    )  # fmt: skip


def _invalid(ctx: Context, writes: Sequence[Write], invalid: Sequence[Any]) -> Results:
    """Contacts the bulk call refused, each with the vendor's reason."""
    by_email = {row.email.lower(): row for row in invalid if row.email}
    by_id = {row.external_id: row for row in invalid if row.external_id}
    results: Results = {}
    for entry in writes:
        row = by_email.get(entry.values["email"].lower()) or by_id.get(entry.values["external_id"])
        if row is not None:
            reason = "field_unknown" if row.code == UNKNOWN_FIELD_CODE else "record_refused"
            results[id(entry)] = Result(
                "failed", reason=reason, detail=f"Maileon: {row.words}.", link_state=None, call=ctx.last_call()
            )
    return results


def _address(entry: Write) -> str:
    """The address Maileon knows: the one we last wrote."""
    written = entry.link.written.get("email") if entry.link else None
    return str(written or (entry.record.email if entry.record else ""))


def _one_by_one(ctx: Context, writes: Sequence[Write], call: Callable[[Context, Write], Result]) -> Results:
    results = each(ctx, writes, lambda entry: call(ctx, entry))
    return {id(entry): result for entry, result in zip(writes, results, strict=True)}
