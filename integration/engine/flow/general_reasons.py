"""The texts of the reasons that any recipe may give. They name no product; a recipe says them in its own words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.flow.reason_text import ReasonKind, ReasonText, by_code, find
from integration.reasons import Reason

SKIPPED = (
    ReasonText(
        Reason.UNCHANGED,
        ReasonKind.SKIP,
        _("Already up to date."),
        _("The change did not touch a mapped field, or Lockstep made it itself."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.ECHO,
        ReasonKind.SKIP,
        _("Lockstep made this change itself."),
        _("Apps report every change, including the ones Lockstep makes."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.STALE_EVENT,
        ReasonKind.SKIP,
        _("A newer change has already been synced."),
        _("Apps may report changes late, twice or out of order."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.NO_EMAIL,
        ReasonKind.SKIP,
        _("No email address."),
        _("Lockstep recognizes people by their email address, and this record has none."),
        _("Add an email address; the record then syncs by itself."),
    ),
    ReasonText(
        Reason.INVALID_EMAIL,
        ReasonKind.SKIP,
        _("The email address is not valid."),
        _("It has a typo, holds two addresses, or contains characters that are not allowed."),
        _("Correct the address; the record then syncs by itself."),
    ),
    ReasonText(
        Reason.DUPLICATE_EMAIL,
        ReasonKind.SKIP,
        _("Another record has the same email address."),
        _("The record that came first keeps the address, so that the two do not overwrite each other."),
        _("Merge the two records, or give one of them another address."),
    ),
    ReasonText(
        Reason.UNSUBSCRIBED,
        ReasonKind.SKIP,
        _("This person unsubscribed."),
        _("They opted out, and Lockstep never subscribes anyone again on its own."),
        _("Nothing to fix: only the person can subscribe again."),
    ),
    ReasonText(
        Reason.NO_ELSEWHERE,
        ReasonKind.SKIP,
        _("Another record with the same email address says No."),
        _("One No counts for everybody at an address, so this one is not subscribed."),
        _("Open the other record: merge the two, or correct the No there."),
    ),
    ReasonText(
        Reason.ADDRESS_ERASED,
        ReasonKind.SKIP,
        _("The data of this address was erased."),
        _("They asked to be forgotten, so Lockstep takes in nothing about this address. An unsubscribe still works."),
        _("Delete the record in its own app. If the erasure was a mistake, an owner can lift it on the People page."),
    ),
    ReasonText(
        Reason.REMOVED_AT_TARGET,
        ReasonKind.SKIP,
        _("The record was deleted in the other app."),
        _("Somebody deleted it there, and Lockstep does not create it again."),
        _("Nothing to fix if this was intended."),
    ),
    ReasonText(
        Reason.MERGED,
        ReasonKind.SKIP,
        _("This record was merged into another one."),
        _("The remaining record carries on in its place."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.DELETED_AT_SOURCE,
        ReasonKind.SKIP,
        _("The record was deleted."),
        _("It no longer exists in the app it came from, and nothing has to happen in the other one."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.NOT_VISIBLE,
        ReasonKind.SKIP,
        _("Lockstep cannot see the record, and no deletion was reported."),
        _("The connected user may have lost access to it, or it was deleted and the report has not arrived yet."),
        _("Check what the connected user may see. A deletion is found by the weekly comparison."),
    ),
    ReasonText(
        Reason.NOT_LINKED,
        ReasonKind.SKIP,
        _("This record is not synced, so there is nothing to update."),
        _("It has no counterpart in the other app."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.UNHANDLED_EVENT,
        ReasonKind.SKIP,
        _("This kind of event is not used."),
        _("The app reported something that this integration does not sync."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.RECIPE_UNKNOWN,
        ReasonKind.SKIP,
        _("This version of Lockstep does not have the recipe of this integration."),
        _("An update or a step back to an earlier version is under way, or the recipe was removed."),
        _("Nothing is lost: changes wait until a version with the recipe runs. Tell your operator if it takes long."),
    ),
    ReasonText(
        Reason.TOO_MANY_EVENTS,
        ReasonKind.SKIP,
        _("A call with too many events was refused."),
        _("It held many times more events than the app is known to send at once, or the app did not send it."),
        _("Nothing to fix: the regular comparison finds the changes. If it happens again, renew the webhook's secret."),
    ),
    ReasonText(
        Reason.WRONG_ACCOUNT,
        ReasonKind.SKIP,
        _("The event belongs to another account."),
        _("It names an account that is not the connected one."),
        _("Check that the webhook was created in the connected account."),
    ),
    ReasonText(
        Reason.BOTH_CHANGED,
        ReasonKind.SKIP,
        _("A field was changed in both apps; one of the changes was kept."),
        _("Somebody edited it in both before either change was synced."),
        _("Nothing to fix. If the wrong change was kept, correct the value: the correction is synced."),
    ),
)
FAILED = (
    ReasonText(
        Reason.RECORD_REFUSED,
        ReasonKind.FAILURE,
        _("The record was refused."),
        _("A value does not fit: it is too long, of the wrong type, or meant for a field that does not exist."),
        _("Read the answer in the detail, correct the value or the mapping, then sync the record again."),
    ),
    ReasonText(
        Reason.RECORD_UNREADABLE,
        ReasonKind.FAILURE,
        _("Lockstep could not read this record."),
        _("One of its values has an unexpected form, for example a date that does not exist. Other records continue."),
        _("Find the record in its app and save it there again; it is then read again. The detail names the value."),
    ),
    ReasonText(
        Reason.RECORD_NOT_FOUND,
        ReasonKind.FAILURE,
        _("The record does not exist any more."),
        _("It was deleted before it could be synced, or the connected user may not see it."),
        _("If the record is there, check what the connected user may see, then sync it again."),
    ),
    ReasonText(
        Reason.RECORD_CONFLICT,
        ReasonKind.FAILURE,
        _("Another record stands in the way."),
        _("The app already has a record with the same unique value."),
        _("Merge the two records or change the value, then sync the record again."),
    ),
    ReasonText(
        Reason.FIELD_UNKNOWN,
        ReasonKind.FAILURE,
        _("A mapped field does not exist."),
        _("It was deleted or renamed after it was mapped."),
        _("Open Fields, choose another field or create this one again, then sync the record again."),
    ),
    ReasonText(
        Reason.VALUE_INVALID,
        ReasonKind.FAILURE,
        _("A value did not fit its field and was left out; everything else was saved."),
        _("For example, a text stands where a number is expected, or a date does not exist."),
        _("Correct the value, or open Fields and have it converted differently."),
    ),
    ReasonText(
        Reason.UNEXPECTED_ANSWER,
        ReasonKind.FAILURE,
        _("Lockstep could not read the answer."),
        _("The app's API changed, or something in between answered in its place."),
        _("Our operators were alerted. Sync the record again to retry."),
    ),
    ReasonText(
        Reason.ATTEMPTS_USED_UP,
        ReasonKind.FAILURE,
        _("Lockstep gave up after many attempts."),
        _("The app was unavailable for longer than Lockstep keeps trying."),
        _("Check that the app is available again, then sync the record again."),
    ),
    ReasonText(
        Reason.CRASHED,
        ReasonKind.FAILURE,
        _("Lockstep was stopped repeatedly while working on this record."),
        _("The record may be the cause, so it was set aside and the others continue."),
        _("Sync it again. If it fails once more, an operator should read the worker's log."),
    ),
    ReasonText(
        Reason.INTERNAL_ERROR,
        ReasonKind.FAILURE,
        _("Lockstep made a mistake with this record."),
        _("This is a fault in Lockstep, not in your data."),
        _("Our operators were alerted. Sync the record again once it is fixed."),
    ),
    ReasonText(
        Reason.UNKNOWN,
        ReasonKind.FAILURE,
        _("The reason is not known to this version."),
        _("An older version of Lockstep stored it."),
        _("Sync the record again to see its present reason."),
    ),
)
HELD = (
    ReasonText(
        Reason.CREDENTIALS_REFUSED,
        ReasonKind.HOLD,
        _("The credentials were rejected."),
        _("The key was deactivated, has expired or was copied incompletely, or access was revoked."),
        _("Enter a new key or connect again. Waiting changes then continue by themselves."),
    ),
    ReasonText(
        Reason.PERMISSION_MISSING,
        ReasonKind.HOLD,
        _("A permission is missing."),
        _("The key or the connected user is not allowed to do this."),
        _("Grant the permission named in the detail, then check the connection again."),
    ),
    ReasonText(
        Reason.ACCOUNT_CLOSED,
        ReasonKind.HOLD,
        _("The account is not active."),
        _("The trial has ended, an invoice is unpaid, or the credit is used up."),
        _("Reactivate the account, then check the connection again."),
    ),
    ReasonText(
        Reason.APP_REMOVED,
        ReasonKind.HOLD,
        _("Somebody uninstalled Lockstep."),
        _("It was removed from the account's apps, which ended our access."),
        _("This integration is being uninstalled. To continue, connect the apps again; linked records are recognized."),
    ),
    ReasonText(
        Reason.ADDRESS_REFUSED,
        ReasonKind.HOLD,
        _("The address of the connection is not accepted."),
        _("It does not belong to the app or does not lead to a public server."),
        _("Correct the address of the connection."),
    ),
    ReasonText(
        Reason.WEBHOOK_LIMIT,
        ReasonKind.HOLD,
        _("No more webhooks can be created."),
        _("The account or user has reached its limit of webhooks."),
        _("Delete webhooks that are no longer used, then save the settings again."),
    ),
    ReasonText(
        Reason.FLOW_OFF,
        ReasonKind.HOLD,
        _("This part of the integration is switched off."),
        _("It was switched off in the settings while changes were waiting."),
        _("Switch it on again to continue, or leave it off."),
    ),
    ReasonText(
        Reason.SECRET_UNREADABLE,
        ReasonKind.HOLD,
        _("The stored credentials cannot be decrypted."),
        _("They were encrypted with a key that is no longer configured."),
        _("Enter the credentials again, or ask an operator to put the old key back into LOCKSTEP_SECRET_KEYS."),
    ),
    ReasonText(
        Reason.MASS_DELETE,
        ReasonKind.HOLD,
        _("An unusually large number of records would be removed at once."),
        _("Many records were deleted, or the connected user can no longer see them."),
        _("If this was intended, press “Decide” and let them through. If not, correct it: each record is read again."),
    ),
    ReasonText(
        Reason.OPT_IN_LIMIT,
        ReasonKind.HOLD,
        _("The daily limit of opt-in emails is reached."),
        _("Many people were to be asked within a day: an import, a misused form, or two apps triggering each other."),
        _("Make sure that these people really asked for it, then press “Decide” and let them through."),
    ),
)
WAITING = (
    ReasonText(
        Reason.PERSON_HELD,
        ReasonKind.HOLD,
        _("The person of this record waits for a decision."),
        _("A limit holds the person, and this record goes after them."),
        _("Press “Decide” at the person's reason; this record then continues by itself."),
    ),
    ReasonText(
        Reason.VENDOR_UNAVAILABLE,
        ReasonKind.WAIT,
        _("The app has a problem."),
        _("Its API answered with an error."),
        _("Nothing to do: Lockstep tries again, with growing pauses."),
    ),
    ReasonText(
        Reason.VENDOR_UNREACHABLE,
        ReasonKind.WAIT,
        _("The app could not be reached."),
        _("The network or the app was down."),
        _("Nothing to do: Lockstep tries again, with growing pauses."),
    ),
    ReasonText(
        Reason.RATE_LIMITED,
        ReasonKind.WAIT,
        _("The rate limit is used up for now."),
        _("There were many changes at once, or other programs use the same account."),
        _("Nothing to do: it continues when the limit allows it."),
    ),
    ReasonText(
        Reason.GAVE_WAY,
        ReasonKind.WAIT,
        _("In the queue."),
        _("Integrations take turns of a few seconds, so that none of them waits for long."),
        _("Nothing to do: it continues in a moment."),
    ),
    ReasonText(
        Reason.LEASE_LOST,
        ReasonKind.WAIT,
        _("Another worker took over."),
        _("The first one was too slow or was stopped."),
        _("Nothing to do."),
    ),
    ReasonText(
        Reason.SETUP_UNFINISHED,
        ReasonKind.WAIT,
        _("The setup is not finished yet."),
        _("The settings were saved a moment ago, or a step of saving them failed."),
        _("Nothing to do for a minute. If it stays so, save the settings again and read the steps."),
    ),
    # Recipes give these two. They are general because the engine does not count them as attempts.
    ReasonText(
        Reason.PERSON_QUEUED,
        ReasonKind.WAIT,
        _("The person is still in the queue."),
        _("This record needs its person to be synced first."),
        _("Nothing to do: it follows its person."),
    ),
    ReasonText(
        Reason.CAP_REACHED,
        ReasonKind.WAIT,
        _("The limit of new records per run is reached."),
        _("More records came in at once than the settings allow."),
        _("Nothing to do: it follows in one of the next runs."),
    ),
)
GENERAL = by_code((*SKIPPED, *FAILED, *HELD, *WAITING))


def general_text(code: str) -> ReasonText | None:
    """Return the text of a code where no recipe is known, as of a connection. None for an empty one."""
    return find(code, GENERAL)
