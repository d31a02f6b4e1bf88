"""What people read of codes that rows hold: actions of flows, states of consent, outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise

# An action is shown by itself (“Create”) and, in lower case, after “A sync would”.
WORDS: Mapping[str, StrOrPromise] = {
    # Actions of more than one recipe.
    "create": _("Create"),
    "update": _("Update"),
    "upsert": _("Create or update"),
    "delete": _("Delete"),
    "erase": _("Erase"),
    "merge": _("Merge"),
    "adopt": _("Link to existing contact"),
    "change_address": _("Change address"),
    "hand_over": _("Hand over"),
    "let_go": _("Let go"),
    "check": _("Check"),
    "send_event": _("Send event"),
    # What a comparison counts.
    "same": _("In sync"),
    "differs": _("Different"),
    "only_source": _("Missing there"),
    "only_target": _("Only there"),
    "waiting": _("Waiting to be synced"),
    "unreadable": _("Could not be read"),
    "unreadable_there": _("Could not be read there"),
    # Consent and lists.
    "subscribe": _("Subscribe"),
    "unsubscribe": _("Unsubscribe"),
    "ask_by_mail": _("Send opt-in email"),
    "block": _("Block"),
    "join_list": _("Join list"),
    "leave_list": _("Leave list"),
    "mark_pending": _("Mark pending"),
    "mark_confirmed": _("Mark confirmed"),
    "mark_unsubscribed": _("Mark unsubscribed"),
    "repair_stage": _("Repair stage"),
    # People, organizations and companies.
    "create_person": _("Create person"),
    "update_person": _("Update person"),
    "merge_persons": _("Merge persons"),
    "link_person": _("Link person"),
    "create_organization": _("Create organization"),
    "update_organization": _("Update organization"),
    "link_company": _("Link company"),
    "read_notes": _("Read notes"),
    "ask_for_sync": _("Ask for sync"),
    # Deals, leads and activities.
    "deal_added": _("Deal added"),
    "deal_created": _("Deal created"),
    "deal_updated": _("Deal updated"),
    "deal_moved": _("Deal moved"),
    "deal_deleted": _("Deal deleted"),
    "deal_gone": _("Deal gone"),
    "place_deal": _("Place deal"),
    "create_lead": _("Create lead"),
    "link_lead": _("Link lead"),
    "create_trial_deal": _("Create trial deal"),
    "log_activity": _("Log activity"),
    "import": _("Import"),
    "import_checked": _("Import checked"),
    # States of consent, and what changed one.
    "pending": _("Pending"),
    "subscribed": _("Subscribed"),
    "confirmed": _("Confirmed"),
    "unsubscribed": _("Unsubscribed"),
    "bounced": _("Bounced"),
    "blocked": _("Blocked"),
    "change of address": _("Change of address"),
    # Outcomes.
    "synced": _("Synced"),
    "skipped": _("Skipped"),
    "failed": _("Failed"),
    "retrying": _("Trying again"),
    "held": _("Held"),
}
OBJECTS: Mapping[str, StrOrPromise] = {
    "person": _("person"),
    "contact": _("contact"),
    "organization": _("organization"),
    "company": _("company"),
    "enduser": _("end user"),
    "deal": _("deal"),
    "license": _("license"),
    "sale": _("sale"),
    "lead": _("lead"),
    "visit": _("visit"),
    "activity": _("activity"),
    "event": _("event"),
    "note": _("note"),
    "list": _("list"),
    "import": _("import"),
    "record": _("record"),
}


def noun(object_type: str) -> str:
    """Return what people call an object of a vendor."""
    return str(OBJECTS.get(object_type, object_type))


def words(code: str) -> str:
    """Return what people read of a code; of `outcome:reason` the outcome. An unknown one is shown as it is written."""
    first = code.partition(":")[0]
    known = WORDS.get(first)
    return str(known) if known is not None else first.replace("_", " ").strip().capitalize()
