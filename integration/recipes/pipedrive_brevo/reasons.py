"""The reasons of Pipedrive ↔ Brevo: those of its own, and the others in its words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import Reason, ReasonCode
from integration.recipes.shared.pipedrive_reasons import PipedriveReason


class BrevoReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    LEFT_LIST = "left_list"
    ACTIVITY_WITHOUT_PERSON = "activity_without_person"
    LEAD_WITHOUT_PERSON = "lead_without_person"
    PHONE_TAKEN = "phone_taken"
    IMPORT_RUNNING = "import_running"
    IMPORT_LEFT_OUT = "import_left_out"
    IMPORT_OVERDUE = "import_overdue"
    OPT_OUT_REFUSED = "opt_out_refused"


REASONS = (
    ReasonText(
        Reason.UNCHANGED,
        ReasonKind.SKIP,
        _("Already up to date."),
        _("The change did not touch a mapped field, Lockstep made it itself, or it is older than this integration."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.INVALID_EMAIL,
        ReasonKind.SKIP,
        _("The email address is not valid."),
        _("It has a typo, holds two addresses, or contains characters that are not allowed."),
        _("Correct the address in Pipedrive; the person then syncs by itself."),
    ),
    ReasonText(
        Reason.DUPLICATE_EMAIL,
        ReasonKind.SKIP,
        _("Another person in Pipedrive has the same email address."),
        _(
            "The one that came first is linked to the contact in Brevo, so that the two do not overwrite each "
            "other. As soon as that one has another address, this one is synced."
        ),
        _(
            "Merge the two people in Pipedrive, give one of them another email address, or switch on “Merge "
            "persons with the same email address in Pipedrive”."
        ),
    ),
    ReasonText(
        Reason.UNSUBSCRIBED,
        ReasonKind.SKIP,
        _("This contact unsubscribed in Brevo."),
        _("Lockstep creates no person in Pipedrive for somebody who opted out."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.REMOVED_AT_TARGET,
        ReasonKind.SKIP,
        _("The contact or company was deleted in Brevo."),
        _("Somebody deleted it there, and Lockstep does not create it again."),
        _("Nothing to fix if this was intended."),
    ),
    ReasonText(
        Reason.DELETED_AT_SOURCE,
        ReasonKind.SKIP,
        _("The record was deleted in Pipedrive."),
        _("It is gone or in the bin there, and nothing has to happen in Brevo."),
        _("Nothing to fix. The setting “When a person is deleted in Pipedrive” decides what happens to a contact."),
    ),
    ReasonText(
        Reason.NOT_VISIBLE,
        ReasonKind.SKIP,
        _("Lockstep cannot see the person in Pipedrive, and no deletion was reported."),
        _("The connected user may have lost access to it, or it was deleted and the report has not arrived yet."),
        _("Check what the connected user may see in Pipedrive. A deletion is found by the weekly comparison."),
    ),
    ReasonText(
        Reason.NOT_LINKED,
        ReasonKind.SKIP,
        _("No synced person in Pipedrive belongs to this contact."),
        _("The contact did not come from Pipedrive, so there is nothing to update."),
        _("Nothing to fix. To create people for new contacts, switch on “Create persons for new contacts”."),
    ),
    ReasonText(
        Reason.BOTH_CHANGED,
        ReasonKind.SKIP,
        _("A field was changed in both apps; one of the changes was kept."),
        _("The setting “When both sides changed the same field, keep” says which one."),
        _("Nothing to fix. If the wrong change was kept, correct the value: the correction is synced."),
    ),
    ReasonText(
        PipedriveReason.DEAL_WITHOUT_PERSON,
        ReasonKind.SKIP,
        _("The deal has no person."),
        _("Lists and events in Brevo are for contacts, and this deal is linked to nobody."),
        _("Link a person to the deal; its next change is synced."),
    ),
    ReasonText(
        PipedriveReason.CONTACT_MISSING,
        ReasonKind.SKIP,
        _("The person is not a contact in Brevo."),
        _("Only contacts are on lists and receive events."),
        _("Make sure that “Sync persons” is on and the person has an email address, then sync the person."),
    ),
    ReasonText(
        BrevoReason.LEFT_LIST,
        ReasonKind.SKIP,
        _("The contact left this list or was taken off it, and is not added again."),
        _(
            "They unsubscribed from this one list or from all mails, or somebody took them off it in Brevo. "
            "Adding them would be a new subscription."
        ),
        _("Add them to the list in Brevo yourself if they want it, or let them use one of your sign-up forms."),
    ),
    ReasonText(
        BrevoReason.ACTIVITY_WITHOUT_PERSON,
        ReasonKind.SKIP,
        _("The activity has no person."),
        _("Events in Brevo are for contacts, and this activity is linked to nobody."),
        _("Link a person to the activity; this change is synced."),
    ),
    ReasonText(
        BrevoReason.LEAD_WITHOUT_PERSON,
        ReasonKind.SKIP,
        _("The lead has no person."),
        _("Only people can be on a list, and this lead has an organization only."),
        _("Link a person to the lead; this change is synced."),
    ),
    ReasonText(
        BrevoReason.PHONE_TAKEN,
        ReasonKind.FAILURE,
        _("Another contact has this phone number; everything else was saved."),
        _("Phone numbers are unique in Brevo, and two people in Pipedrive share one."),
        _("Give one of them another number, or remove it from one of them."),
    ),
    ReasonText(
        Reason.MASS_DELETE,
        ReasonKind.HOLD,
        _("An unusually large number of contacts would be deleted or taken off their list at once."),
        _("Many people were deleted in Pipedrive, or the connected user can no longer see them."),
        _(
            "If this was intended, press “Decide” and let them through. If not, correct it in Pipedrive: each "
            "record is read again."
        ),
    ),
    ReasonText(
        Reason.PERSON_QUEUED,
        ReasonKind.WAIT,
        _("The person is still in the queue."),
        _("The contact has to be in Brevo before it can receive an event."),
        _("Nothing to do: the event follows its person."),
    ),
    ReasonText(
        BrevoReason.IMPORT_RUNNING,
        ReasonKind.WAIT,
        _("Brevo is still working on the import."),
        _(
            "Many records were sent in one call. Until Lockstep has read them back, nothing of them counts as "
            "written, and further changes of these people wait."
        ),
        _("Nothing to do: Lockstep checks again within minutes."),
    ),
    ReasonText(
        BrevoReason.IMPORT_LEFT_OUT,
        ReasonKind.WAIT,
        _("Brevo's import left out this record; it is sent again."),
        _("Lockstep read the contacts back, and this one was missing or had other values."),
        _("Nothing to do: sending it on its own shows what is wrong with it."),
    ),
    ReasonText(
        BrevoReason.IMPORT_OVERDUE,
        ReasonKind.FAILURE,
        _("Brevo has not finished an import for a long time."),
        _(
            "Brevo took the import and neither carried it out nor refused it. Its people are written one by one "
            "instead, and nothing Brevo shows of them is taken into Pipedrive until the import ends."
        ),
        _("Look at the imports in Brevo, or ask its support. Lockstep looks at it once an hour for some hours more."),
    ),
    ReasonText(
        BrevoReason.OPT_OUT_REFUSED,
        ReasonKind.FAILURE,
        _("Pipedrive did not take the opt-out."),
        _(
            "The field for the status or one of its options is gone, or the connected user may not write it. The "
            "person is unsubscribed in Brevo all the same."
        ),
        _("Save the settings: Lockstep makes the field again. The opt-out is tried again with each poll."),
    ),
)
