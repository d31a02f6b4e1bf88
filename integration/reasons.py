"""The closed list of reasons: why a record was skipped, failed or waits. One row each, one section each in the docs.

The sync log stores the code; pages and the admin show the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Literal

SKIP, FAILURE, HOLD, WAIT = "skip", "failure", "hold", "wait"


class ReasonCode(StrEnum):
    """Base of all reason codes. Connectors and recipes derive the codes that name their own things."""


NoReason = Literal[""]  # beside a code, where there need not be a reason


class Reason(ReasonCode):
    """The codes that any recipe may give. The sync log stores the value."""

    UNKNOWN = "unknown"  # what `stored_reason` makes of a code that no version knows any more

    # Skipped by rule.
    UNCHANGED = "unchanged"
    ECHO = "echo"
    STALE_EVENT = "stale_event"
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    DUPLICATE_EMAIL = "duplicate_email"
    UNSUBSCRIBED = "unsubscribed"
    REMOVED_AT_TARGET = "removed_at_target"
    MERGED = "merged"
    DELETED_AT_SOURCE = "deleted_at_source"
    NOT_VISIBLE = "not_visible"
    NOT_LINKED = "not_linked"
    UNHANDLED_EVENT = "unhandled_event"
    TOO_MANY_EVENTS = "too_many_events"
    WRONG_ACCOUNT = "wrong_account"
    BOTH_CHANGED = "both_changed"
    # The record will not go without a change.
    RECORD_REFUSED = "record_refused"
    RECORD_UNREADABLE = "record_unreadable"
    RECORD_NOT_FOUND = "record_not_found"
    RECORD_CONFLICT = "record_conflict"
    FIELD_UNKNOWN = "field_unknown"
    VALUE_INVALID = "value_invalid"
    UNEXPECTED_ANSWER = "unexpected_answer"
    ATTEMPTS_USED_UP = "attempts_used_up"
    CRASHED = "crashed"
    INTERNAL_ERROR = "internal_error"
    # A person must act; jobs are held and nothing is lost.
    CREDENTIALS_REFUSED = "credentials_refused"
    PERMISSION_MISSING = "permission_missing"
    ACCOUNT_CLOSED = "account_closed"
    APP_REMOVED = "app_removed"
    ADDRESS_REFUSED = "address_refused"
    WEBHOOK_LIMIT = "webhook_limit"
    FLOW_OFF = "flow_off"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105
    MASS_DELETE = "mass_delete"
    OPT_IN_LIMIT = "opt_in_limit"
    # It will be tried again by itself.
    VENDOR_UNAVAILABLE = "vendor_unavailable"
    VENDOR_UNREACHABLE = "vendor_unreachable"
    RATE_LIMITED = "rate_limited"
    GAVE_WAY = "gave_way"
    LEASE_LOST = "lease_lost"
    SETUP_UNFINISHED = "setup_unfinished"
    PERSON_QUEUED = "person_queued"
    CAP_REACHED = "cap_reached"


def stored_reason(text: str, *kinds: type[ReasonCode]) -> ReasonCode:
    """Return the code that a row holds, of the general ones or of `kinds`; UNKNOWN for any other text."""
    for code in chain(Reason, *kinds):
        if code == text:
            return code
    return Reason.UNKNOWN


@dataclass(frozen=True)
class ReasonText:
    """Why something did not travel. `kind` is skip (by rule), failure (record), hold (a person must act) or wait."""

    code: str
    kind: str
    what: str
    cause: str
    fix: str

    @property
    def sentence(self) -> str:
        """What happened and what to do, as one line for lists."""
        return f"{self.what} {self.fix}"


_ROWS = (
    # Skipped by rule.
    ReasonText(
        "unchanged",
        SKIP,
        "Nothing to do: the target already has these values.",
        "The change did not touch a mapped field, or it was our own write coming back.",
        "Nothing to fix.",
    ),
    ReasonText(
        "echo",
        SKIP,
        "This event was caused by our own write.",
        "Vendors report every change, also the ones Lockstep makes.",
        "Nothing to fix.",
    ),
    ReasonText(
        "stale_event",
        SKIP,
        "A newer state is already in step.",
        "Vendors deliver events late, twice or out of order.",
        "Nothing to fix.",
    ),
    ReasonText(
        "no_email",
        SKIP,
        "No e-mail address.",
        "The target identifies people by their e-mail address and this record has none.",
        "Add an e-mail address at the source and it will follow by itself.",
    ),
    ReasonText(
        "invalid_email",
        SKIP,
        "The e-mail address is not valid.",
        "It has a typing error, two addresses in one field, or characters no mail system accepts.",
        "Correct the address at the source and it will follow by itself.",
    ),
    ReasonText(
        "duplicate_email",
        SKIP,
        "Another person with the same e-mail address is already in step.",
        "Two people at the source share one address; the first one owns the contact, lest they overwrite each other.",
        "Merge the two people, or give one of them another primary address.",
    ),
    ReasonText(
        "newsletter_never_asked",
        SKIP,
        "The newsletter field is empty.",
        "Nobody has decided yet whether this person wants the newsletter, so nothing is sent.",
        "Set Newsletter to Yes at the source.",
    ),
    ReasonText(
        "newsletter_unclear",
        SKIP,
        "The newsletter field has an option that is not ours.",
        "Somebody added or replaced options of the field; only Yes and No mean something here.",
        "Choose Yes or No. If the options were replaced, save the settings to create them again.",
    ),
    ReasonText(
        "newsletter_field_new",
        SKIP,
        "The newsletter field was created again and is still empty for this person.",
        "Somebody deleted the field; an empty new field says nothing about anybody's wish.",
        "Nothing to do: the former value is written back by itself.",
    ),
    ReasonText(
        "newsletter_no",
        SKIP,
        "The newsletter field says No.",
        "This person does not want the newsletter and is not a contact.",
        "Set Newsletter to Yes at the source if this is wrong.",
    ),
    ReasonText(
        "unsubscribed",
        SKIP,
        "This person unsubscribed.",
        "They opted out in the marketing system. Lockstep never subscribes anyone again on its own.",
        "Only the person can undo it: with the opt-in mail on, set Newsletter from No to Yes and they are asked.",
    ),
    ReasonText(
        "not_asked_existing",
        SKIP,
        "Existing person, not asked by mail.",
        "Fetch All was started without permission to send opt-in mails to people who were there before.",
        "Start Fetch All again and allow opt-in mails, or set Newsletter from No to Yes for this person.",
    ),
    ReasonText(
        "there_before",
        SKIP,
        "This contact was there before the installation.",
        "Not set counts as Yes only for contacts created since; nobody is written to because an old record changed.",
        "Start Fetch All and allow opt-in mails, or set the newsletter property to Yes for this contact.",
    ),
    ReasonText(
        "override_limited",
        SKIP,
        "The contact's own properties asked for more than the settings allow.",
        "A hidden field of a form, or somebody at the source, set a permission above the limit; the limit was used.",
        "Nothing to fix if that is right. Otherwise raise the limit of per-contact overrides in the settings.",
    ),
    ReasonText(
        "removed_at_target",
        SKIP,
        "The contact was deleted in the target system.",
        "Somebody deleted it there on purpose; Lockstep does not put it back.",
        "Set Newsletter to No and then to Yes at the source to start anew.",
    ),
    ReasonText(
        "merged",
        SKIP,
        "This record was merged into another one.",
        "The surviving record carries on; this one is only history.",
        "Nothing to fix.",
    ),
    ReasonText(
        "deleted_at_source",
        SKIP,
        "The record was deleted at the source.",
        "It is gone or in the bin there, and the settings say that nothing happens at the target.",
        'Nothing to fix. The setting "When a person is deleted" decides what happens.',
    ),
    ReasonText(
        "not_visible",
        SKIP,
        "The record cannot be seen at the source, and nobody said that it was deleted.",
        "The connected user lost the right to see it, or it was deleted and the message is still on its way.",
        "Check the rights of the connected user. A real deletion is found by the weekly comparison.",
    ),
    ReasonText(
        "not_linked",
        SKIP,
        "This person is not in step, so there is nothing to update.",
        "The event speaks of a contact that did not come from the other system.",
        "Nothing to fix.",
    ),
    ReasonText(
        "deal_without_person",
        SKIP,
        "The deal has no person.",
        "Contact events belong to a contact, and this deal is linked to none.",
        "Link a person to the deal; the next change of the deal is sent.",
    ),
    ReasonText(
        "deal_not_won",
        SKIP,
        "The deal is not won.",
        "Only won deals go to Planhat with these settings.",
        "Nothing to fix: it follows by itself when it is won. To sync all deals, change “Which deals” in the settings.",
    ),
    ReasonText(
        "pipeline_not_selected",
        SKIP,
        "The deal's pipeline is not selected.",
        "The settings name the pipelines whose deals are synced, and this one is not among them.",
        "Tick the pipeline in the settings, or move the deal. What was synced from it before stays.",
    ),
    ReasonText(
        "deal_without_organization",
        SKIP,
        "The deal has no organization.",
        "Planhat keeps revenue, people and notes below a company, and this deal is linked to none.",
        "Link an organization to the deal; it follows by itself.",
    ),
    ReasonText(
        "no_start_date",
        SKIP,
        "No start date.",
        "The deal field chosen as start date is empty, and there is no day it was won, or that day does not count.",
        "Fill in the field at the deal, or let the day it was won count in the settings.",
    ),
    ReasonText(
        "deal_without_value",
        SKIP,
        "The deal has no value above zero.",
        "Planhat takes Licenses and Sales with a positive value only.",
        "Give the deal a value in Pipedrive; it follows by itself. Its organization is synced all the same.",
    ),
    ReasonText(
        "deals_not_received",
        SKIP,
        "Deals are set to None.",
        "With these settings a deal brings its organization, people and notes along and stays behind itself.",
        "Nothing to fix. To send deals as well, set them to “Receive from Pipedrive” in the settings.",
    ),
    ReasonText(
        "no_won_deal",
        SKIP,
        "No deal brings this organization along.",
        "An organization goes to Planhat with an eligible deal, and this one has none and is not in Planhat.",
        "Win a deal of this organization in a selected pipeline, with a start date; or check those settings.",
    ),
    ReasonText(
        "company_not_synced",
        SKIP,
        "Its company is not in Planhat.",
        "People and notes go to Planhat below their company, and no deal has brought that one along.",
        "Nothing to fix if the company is no customer yet. Else sync its organization, and the rest follows.",
    ),
    ReasonText(
        "company_failed",
        SKIP,
        "Its company could not be written.",
        "A deal needs its company in Planhat first, and Planhat refused the company.",
        "Look at the organization in the activity and fix what it says. Its deals follow once it is synced again.",
    ),
    ReasonText(
        "person_without_organization",
        SKIP,
        "The person has no organization.",
        "An End User belongs to a company, and this person is linked to no organization.",
        "Link the person to an organization in Pipedrive, then sync that organization.",
    ),
    ReasonText(
        "contact_missing",
        SKIP,
        "The person is not a contact in the target system.",
        "Only people who are already there receive contact events.",
        "Set Newsletter to Yes for the person, or allow creating contacts with permission None in the settings.",
    ),
    ReasonText(
        "not_confirmed",
        SKIP,
        "The confirmation could not be found in the marketing system.",
        "The event says that the opt-in was confirmed, but the contact does not carry that permission.",
        "Nothing to fix: if the confirmation is real, the next poll finds it.",
    ),
    ReasonText(
        "unhandled_event",
        SKIP,
        "This kind of event is not used.",
        "The vendor sent an event that no flow listens to.",
        "Nothing to fix.",
    ),
    ReasonText(
        "too_many_events",
        SKIP,
        "One call brought too many events and was refused.",
        "It held many times more events than the vendor is known to put into one call, or was not sent by the vendor.",
        "Nothing to fix: the regular comparison finds what it said. If it comes again, renew the webhook's secret.",
    ),
    ReasonText(
        "wrong_account",
        SKIP,
        "The event belongs to another account.",
        "The payload names an account that is not the connected one.",
        "Check that the webhook was created for this account.",
    ),
    ReasonText(
        "both_changed",
        SKIP,
        "Both sides changed this field, and one of them won.",
        "Somebody edited it in both systems before either change had travelled; the settings say whose change counts.",
        "Nothing to fix. If the wrong side won, correct the value there: that change is the newest and travels.",
    ),
    ReasonText(
        "left_list",
        SKIP,
        "The contact left this list, so it is not put on it again.",
        "The person unsubscribed from this one list; joining it again would be a subscription.",
        "Only the person can undo it, with a sign-up form of yours.",
    ),
    ReasonText(
        "activity_without_person",
        SKIP,
        "The activity has no person.",
        "Events belong to a contact, and this activity is linked to none.",
        "Link a person to the activity before the next poll.",
    ),
    ReasonText(
        "lead_without_person",
        SKIP,
        "The lead has no person.",
        "Only people can be on a list, and this lead has an organization only.",
        "Link a person to the lead; its next change is seen.",
    ),
    ReasonText(
        "score_low",
        SKIP,
        "The lead score is too low.",
        "It is below the least lead score of the settings.",
        "Nothing to fix if that is right. Otherwise lower the least lead score; the lead follows at its next visit.",
    ),
    ReasonText(
        "no_organization",
        SKIP,
        "No organization is known.",
        "LeadBoxer could not tell which company this visitor belongs to.",
        "Link leads to persons too, or choose a segment of identified organizations.",
    ),
    ReasonText(
        "trial_full",
        SKIP,
        "The trial has its leads already.",
        "During a trial only so many leads are handled as the settings say.",
        "Look at the test pipeline, switch the trial off and start Fetch All.",
    ),
    ReasonText(
        "lead_closed",
        SKIP,
        "The Pipedrive lead was archived, converted or deleted.",
        "Somebody dealt with it there; Lockstep does not open it again.",
        "Nothing to fix. To have it made again, sync this one lead by hand.",
    ),
    # The record will not go without a change.
    ReasonText(
        "record_refused",
        FAILURE,
        "The target refused this record.",
        "A value does not fit: too long, wrong type, or a field the target does not know.",
        "Read the vendor's answer below, correct the value at the source or the mapping, then sync it again.",
    ),
    ReasonText(
        "record_unreadable",
        FAILURE,
        "The vendor sent this record in a form that cannot be read.",
        "One of its values has a form that is not documented, for example a date that is none. Other records go on.",
        "Look at the record at the vendor, save it once more there, and it is read again. The detail names the value.",
    ),
    ReasonText(
        "record_not_found",
        FAILURE,
        "The record does not exist (any more).",
        "It was deleted between the event and the sync, or the account may not see it.",
        "Check the record at the vendor; sync it again if it is there.",
    ),
    ReasonText(
        "record_conflict",
        FAILURE,
        "Another record stands in the way.",
        "The target already has a record with the same key.",
        "Merge the records in the target or change the key, then sync it again.",
    ),
    ReasonText(
        "field_unknown",
        FAILURE,
        "The target does not know one of the mapped fields.",
        "The field was deleted or renamed after the mapping was made.",
        "Open Fields, choose another target or create the field again, then sync it again.",
    ),
    ReasonText(
        "value_invalid",
        FAILURE,
        "A value did not fit its target field and stayed behind; the rest was written.",
        "For example a text that should be a number, or a date that does not exist.",
        "Correct the value at the source, or choose another transform in the mapping.",
    ),
    ReasonText(
        "stage_refused",
        FAILURE,
        "HubSpot kept the lifecycle stage, although it answered with success.",
        "HubSpot lets a stage move forward only and says nothing when it refuses; everything else was written.",
        "Switch on Reset Before Updating in the settings, or choose a target stage after the source stage.",
    ),
    ReasonText(
        "unexpected_answer",
        FAILURE,
        "The vendor answered in a form we do not know.",
        "The API changed or something in between answered for it.",
        "Operators were alerted. Sync it again to try once more.",
    ),
    ReasonText(
        "attempts_used_up",
        FAILURE,
        "Tried many times without success.",
        "The vendor was unreachable or failed for longer than we keep trying.",
        "Check the vendor's status, then sync it again.",
    ),
    ReasonText(
        "unknown",
        FAILURE,
        "The reason is not known to this version.",
        "An older version of Lockstep stored it.",
        "Sync the record again to see its present reason.",
    ),
    ReasonText(
        "crashed",
        FAILURE,
        "The worker was stopped repeatedly while working on this record.",
        "The record may be the cause: it is set aside, so that the others go on.",
        "Look at the record and the worker's log, then sync it again.",
    ),
    ReasonText(
        "internal_error",
        FAILURE,
        "Lockstep made a mistake with this record.",
        "A fault in our code; it is in the log with this record's job.",
        "Operators were alerted. Sync it again after the fix.",
    ),
    ReasonText(
        "phone_taken",
        FAILURE,
        "Another contact has this phone number; the rest was written.",
        "Phone numbers are unique in the target, and two people at the source share one.",
        "Give one of the two people another number, or remove it from one of them.",
    ),
    # A person must act; jobs are held and nothing is lost.
    ReasonText(
        "credentials_refused",
        HOLD,
        "The vendor does not accept our credentials.",
        "The key was deactivated, its validity period is over, characters are missing at its start or end, or access "
        "was revoked.",
        "Enter a new key or connect again. Waiting changes then continue by themselves.",
    ),
    ReasonText(
        "permission_missing",
        HOLD,
        "The credentials lack a permission.",
        "The key or the user may not make this kind of call.",
        "Grant the permission named in the detail, then press Check now.",
    ),
    ReasonText(
        "account_closed",
        HOLD,
        "The vendor account is not open.",
        "The trial is over or an invoice is unpaid.",
        "Reopen the account at the vendor, then press Check now.",
    ),
    ReasonText(
        "app_removed",
        HOLD,
        "Somebody removed Lockstep at the vendor.",
        "The app was uninstalled in the vendor's marketplace; our access ended there and then.",
        "The integration is being uninstalled. Install it again to go on; what is in step is recognised.",
    ),
    ReasonText(
        "address_refused",
        HOLD,
        "The address of the connection is not accepted.",
        "It does not belong to the vendor or does not lead to a public host.",
        "Correct the address in the connection.",
    ),
    ReasonText(
        "newsletter_field_missing",
        HOLD,
        "The newsletter field was deleted at the source.",
        "Somebody deleted the field that says who wants the newsletter. Nobody is unsubscribed because of it.",
        "Press Check now, or wait: the connection check creates the field again and writes the values back.",
    ),
    ReasonText(
        "doi_mailing_missing",
        HOLD,
        "There is no opt-in mailing to send.",
        "The opt-in process is on, no DOI key is given, and the account has no default DOI mailing.",
        "Enter a DOI key in the settings or choose a default DOI mailing in the account.",
    ),
    ReasonText(
        "stage_missing",
        HOLD,
        "A chosen lifecycle stage does not exist any more.",
        "Somebody deleted the stage in HubSpot after it was chosen in the settings.",
        "Choose another stage in the settings, or switch that update off.",
    ),
    ReasonText(
        "deal_field_missing",
        HOLD,
        "A pipeline or deal field that the settings name is gone.",
        "Somebody deleted it in Pipedrive.",
        "Open the settings, choose another one and save.",
    ),
    ReasonText(
        "webhook_limit",
        HOLD,
        "The vendor allows no further webhooks.",
        "The account or user has reached its limit of webhooks.",
        "Delete webhooks that are no longer used at the vendor, then save the settings again.",
    ),
    ReasonText(
        "flow_off",
        HOLD,
        "This part of the integration is switched off.",
        "It was switched off in the settings while changes were waiting.",
        "Switch it on again and they continue, or leave them.",
    ),
    ReasonText(
        "secret_unreadable",
        HOLD,
        "The stored credentials cannot be decrypted.",
        "The encryption key they were written with is no longer configured.",
        "Put the old key back into LOCKSTEP_SECRET_KEYS, or enter the credentials again.",
    ),
    ReasonText(
        "mass_delete",
        HOLD,
        "An unusual number of records would be taken away at once.",
        "Many were deleted or set to No at the source, or the credentials lost the right to see them.",
        "Look at the source. If it was meant, let them through on the Waiting page; if not, mend it first: each record "
        "is read afresh.",
    ),
    ReasonText(
        "opt_in_limit",
        HOLD,
        "The day's limit of opt-in mails is reached.",
        "Many people got a Yes within a day: an import, a misused form, or two systems that set each other off.",
        "Make sure these people really asked for the newsletter, then let them through on the Waiting page.",
    ),
    ReasonText(
        "segment_missing",
        HOLD,
        "The chosen dataset, segment or pipeline is not there any more.",
        "Somebody deleted it, or the connected user lost the right to see it.",
        "Choose another one in the settings and save.",
    ),
    # It will be tried again by itself.
    ReasonText(
        "vendor_unavailable",
        WAIT,
        "The vendor has a problem.",
        "Its API answered with an error of its own.",
        "Nothing to do: it is tried again, with growing pauses.",
    ),
    ReasonText(
        "vendor_unreachable",
        WAIT,
        "The vendor could not be reached.",
        "The network or the vendor was down.",
        "Nothing to do: it is tried again, with growing pauses.",
    ),
    ReasonText(
        "rate_limited",
        WAIT,
        "The vendor's rate limit is used up for now.",
        "Many changes at once, or other programs use the same account.",
        "Nothing to do: it continues when the budget is back.",
    ),
    ReasonText(
        "gave_way",
        WAIT,
        "Other integrations had their turn.",
        "One integration works for some seconds at a time, so that no one starves.",
        "Nothing to do: it goes on at once.",
    ),
    ReasonText(
        "lease_lost",
        WAIT,
        "Another worker took over.",
        "This worker was too slow or was stopped.",
        "Nothing to do.",
    ),
    ReasonText(
        "target_settling",
        WAIT,
        "The target is still removing the contact's earlier subscription.",
        "The person opted out a moment ago and wants to come back; the old permission must not be taken for a new one.",
        "Nothing to do: it is tried again within minutes.",
    ),
    ReasonText(
        "setup_unfinished",
        WAIT,
        "What the settings need at the vendor is not made yet.",
        "The settings were saved a moment ago, or a step of saving them failed.",
        "Nothing to do for a minute. If it stays so, save the settings once more and look at the steps.",
    ),
    ReasonText(
        "person_queued",
        WAIT,
        "The person of this deal is on the way.",
        "The person is still waiting to be synced; the deal's event needs the contact.",
        "Nothing to do: the deal follows its person.",
    ),
    ReasonText(
        "person_announced",
        WAIT,
        "The person of this deal is not a contact yet.",
        "Newsletter says Yes but the person's own event has not come in.",
        "Nothing to do: the deal looks again a few times.",
    ),
    ReasonText(
        "import_running",
        WAIT,
        "The bulk import is still being worked on by the target.",
        "Many records were handed over in one call; the target says later what became of them.",
        "Nothing to do: it is looked at again, at the latest after some minutes.",
    ),
    ReasonText(
        "import_left_out",
        WAIT,
        "The bulk import left this record out; it is written on its own.",
        "An import says how many rows it did not take and not which ones.",
        "Nothing to do: the single write says what is wrong with this record.",
    ),
    ReasonText(
        "cap_reached",
        WAIT,
        "The limit of new records per run is reached.",
        "More leads or visits came in at once than the settings allow.",
        "Nothing to do: it follows in one of the next runs. Narrow the segment or raise the limit if many wait.",
    ),
)

REASONS = {reason.code: reason for reason in _ROWS}
