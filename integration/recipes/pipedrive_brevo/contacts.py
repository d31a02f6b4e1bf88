"""The writes of person → contact: an import for many, single calls for few and for what an import cannot do.

Rules of the vendor that decide the shape (brevo sheet §4, §8): no call of ours takes anybody off the blocklist; an
import tells no row's outcome, clears nothing, and makes what is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from integration.connectors.brevo.api import Duplicate
from integration.connectors.brevo.records import Contact, StoredContact
from integration.engine.api import Enqueue, Result, Write, consent_ledger, links, write_each
from integration.errors import NotFound
from integration.models import LinkState, Outcome, RecordLink
from integration.reasons import NoReason, Reason
from integration.recipes.pipedrive_brevo import importing, lists
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.results import contact_of, key_of, synced
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, PersonContext, PersonState

FEW = 20  # up to here single calls, which answer at once; above it one import
UPSERTS = ("create", "update")
Results = dict[int, Result]
Single = Callable[[Session, Write], Result]


def write(ctx: Session, writes: Sequence[Write], singles: Mapping[str, Single]) -> list[Result]:
    """Carry out the writes by kind of action; one result per write, in order.

    `singles`: what is done by single calls only, by action.
    """
    results: Results = {}
    groups: dict[str, list[Write]] = defaultdict(list)
    for entry in writes:
        waits = importing.parked(ctx, entry)
        if waits is not None:
            results[id(entry)] = waits
        else:
            groups["upsert" if entry.action in UPSERTS else entry.action].append(entry)
    for action, group in groups.items():
        results.update(upsert(ctx, group) if action == "upsert" else one_by_one(ctx, group, singles[action]))
    return [results[id(entry)] for entry in writes]


def upsert(ctx: Session, writes: Sequence[Write]) -> Results:
    """Create and update people: few one by one, many by import."""
    if len(writes) <= FEW:
        return one_by_one(ctx, writes, single)
    alone = [entry for entry in writes if _needs_a_call_of_its_own(ctx, entry)]
    apart = set(map(id, alone))
    together = [entry for entry in writes if id(entry) not in apart]
    results = one_by_one(ctx, alone, single)
    if together:
        results.update(importing.hand_over(ctx, together))
    return results


def _needs_a_call_of_its_own(ctx: Session, entry: Write) -> bool:
    """An import clears and blocks nothing, and is not tried again for those it did not bring."""
    link, known = entry.link, PersonContext.read(entry.item.hint)
    new_list = link is not None and bool(link.written) and lists.all_list(ctx) not in lists.joined(ctx, link)
    state = PersonState.of(link)
    said_no = state.blocklisted or state.opted_out_elsewhere
    opted_out = bool(link is not None and not link.written and said_no)
    return bool(_clears(entry) or new_list or opted_out or known.alone or known.block or state.overdue)


def _clears(entry: Write) -> bool:
    """Whether a value that was written before becomes empty."""
    before = entry.link.written if entry.link else {}
    return any(value is None and before.get(key) is not None for key, value in entry.values.items())


def single(ctx: Session, entry: Write) -> Result:
    """Write one person by a call that answers at once."""
    link = entry.link
    if link is not None and link.state == LinkState.ACTIVE:
        return _updated(ctx, entry, link)
    return adopt(ctx, entry, ctx.right.find_contact(entry.values["email"]))


def adopt(ctx: Session, entry: Write, found: StoredContact | None, *, left: Sequence[int] = ()) -> Result:
    """Make the contact of this address the person's; `found` is what Brevo has of it now.

    Of the two, the person and the contact, the stricter consent is kept.
    """
    number, before = lists.all_list(ctx), _joined_before(ctx, entry, found)
    left_lists = _left_lists(entry, found, left)
    known = found.id if found is not None else ""
    blocked = bool(found is not None and found.blocklisted)
    block = _said_no(entry) and not blocked
    joins = lists.may_join(number, found, before, left_lists) and not block
    join = [number] if joins else []
    made, said = without_taken_phone(
        contact_of(entry), lambda contact: ctx.right.upsert_contact(contact, join, block=block) or known
    )
    after = PersonState(
        joined=sorted({*before, *join}), left_lists=left_lists, blocklisted=blocked or block, removed_at_target=False
    )
    carried = importing.carried_by(ctx, entry.record.email_hash if entry.record else "")
    others = _release_others(ctx, made, entry.item.external_id, blocked=blocked)
    note: BrevoReason | NoReason = "" if joins or blocked or block else BrevoReason.LEFT_LIST
    result = synced(ctx, entry, after, target_id=made, said=said, note=note, follow_ups=others)
    return replace(result, notes={**result.notes, **carried.stored})


def _joined_before(ctx: Session, entry: Write, found: StoredContact | None) -> set[int]:
    """The lists that we put the person on, or the contact while it was somebody else's."""
    before = set(lists.joined(ctx, entry.link))
    if found is not None:
        before |= lists.joined_by_others(ctx, found.id, but=entry.item.external_id)
    return before


def _left_lists(entry: Write, found: StoredContact | None, left: Sequence[int]) -> list[int]:
    """The lists that the person left, as far as anybody knows."""
    theirs = found.left_list_ids if found else ()
    return sorted({*left, *(PersonState.of(entry.link).left_lists or ()), *theirs})


def _said_no(entry: Write) -> bool:
    """Whether the person opted out, at this or another address of theirs."""
    state = PersonState.of(entry.link)
    return bool(state.blocklisted or state.opted_out_elsewhere or PersonContext.read(entry.item.hint).block)


def _release_others(ctx: Session, contact_id: str, person_id: str, *, blocked: bool) -> tuple[Enqueue, ...]:
    """Whoever had this contact before has lost its address: they let it go and are looked at again."""
    rows = links.of_targets(ctx.integration, PERSON_LINK, [contact_id]).exclude(state=LinkState.REMOVED)
    others = list(rows.exclude(source_id=person_id))
    for other in others:
        release(other, blocked=blocked)
    consent_ledger.save_links(ctx, "right", others, cause="change of address")
    return tuple(Enqueue("person_to_contact", other.source_id) for other in others)


def release(link: RecordLink, *, blocked: bool) -> None:
    """Take a person's contact away from their link. That they had opted out goes with them."""
    opted_out = bool(blocked or PersonState.of(link).blocklisted)
    link.state, link.written, link.written_hash, link.target_id = LinkState.REMOVED, {}, "", ""
    link.notes = {**link.notes, **PersonState(blocklisted=opted_out, joined=[]).stored}


def _updated(ctx: Session, entry: Write, link: RecordLink) -> Result:
    """Change the contact we know; one that is gone was deleted there on purpose and is not put back."""
    attributes = {key: value for key, value in entry.values.items() if key != "email"}
    before, number = lists.joined(ctx, link), lists.all_list(ctx)
    join, left = [number] if number not in before else [], PersonState.of(link).left_lists
    if join and not lists.may_join(number, ctx.right.find_contact(key_of(entry)), before, left):
        join = []

    def change(contact: Contact) -> str:
        ctx.right.update_contact(key_of(entry), contact, join=join)
        return str(link.target_id)

    try:
        made, said = without_taken_phone(Contact(attributes=attributes), change)
    except NotFound:
        return gone(ctx)
    state = PersonState(joined=sorted({*before, *join}))
    return synced(ctx, entry, state, target_id=made, said=said)


def block(ctx: Session, entry: Write) -> Result:
    """Put the contact on the blocklist: the person opted out at another of their addresses."""
    try:
        ctx.right.update_contact(key_of(entry), Contact(), block=True)
    except NotFound:
        return gone(ctx)
    known = replace(PersonContext.read(entry.item.hint), block=False)
    again = Enqueue("person_to_contact", entry.item.external_id, known.stored)
    return Result(
        Outcome.SYNCED, link_state=None, notes=PersonState(blocklisted=True).stored, follow_ups=(again,),
        call=ctx.last_call(),
    )  # fmt: skip


def block_address(ctx: Session, entry: Write) -> Result:
    """Put whatever contact has the person's address on the blocklist, without taking in anything of theirs."""
    found = ctx.right.find_contact(entry.record.email) if entry.record is not None else None
    if found is not None and not found.blocklisted:
        ctx.right.update_contact(found.id, Contact(), block=True)
    return Result(
        Outcome.SYNCED, action="block", link_state=None, notes=PersonState(blocklisted=True).stored,
        call=ctx.last_call(),
    )  # fmt: skip


def gone(ctx: Session) -> Result:
    """The contact was deleted in Brevo on purpose."""
    return Result(
        Outcome.SKIPPED, reason=Reason.REMOVED_AT_TARGET, link_state="removed", written={},
        notes=PersonState(removed_at_target=True).stored, call=ctx.last_call(),
    )  # fmt: skip


def without_taken_phone(contact: Contact, send: Callable[[Contact], str]) -> tuple[str, str]:
    """Send; when another contact has the phone number, send again without it and say so."""
    try:
        return send(contact), ""
    except Duplicate as clash:
        if clash.identifiers != {"SMS"}:
            raise
        rest = {key: value for key, value in contact.attributes.items() if key != "SMS"}
        return send(Contact(contact.email, rest, contact.ext_id)), "SMS: another contact has this number."


def one_by_one(ctx: Session, writes: Sequence[Write], call: Single) -> Results:
    """Write them one after the other; each ends by itself."""
    results = write_each(ctx, writes, lambda entry: call(ctx, entry))
    return {id(entry): result for entry, result in zip(writes, results, strict=True)}
