"""The texts of the reasons that any recipe may give. They name no product; a recipe says them in its own words."""

from __future__ import annotations

from integration.engine.flow.reason_text import ReasonKind, ReasonText, by_code, find
from integration.reasons import Reason

SKIPPED = (
    ReasonText(
        Reason.UNCHANGED,
        ReasonKind.SKIP,
        "Already up to date.",
        "The change did not touch a mapped field, or Lockstep made it itself.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.ECHO,
        ReasonKind.SKIP,
        "Lockstep made this change itself.",
        "Apps report every change, including the ones Lockstep makes.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.STALE_EVENT,
        ReasonKind.SKIP,
        "A newer change has already been synced.",
        "Apps may report changes late, twice or out of order.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.NO_EMAIL,
        ReasonKind.SKIP,
        "No email address.",
        "Lockstep recognizes people by their email address, and this record has none.",
        "Add an email address; the record then syncs by itself.",
    ),
    ReasonText(
        Reason.INVALID_EMAIL,
        ReasonKind.SKIP,
        "The email address is not valid.",
        "It has a typo, holds two addresses, or contains characters that are not allowed.",
        "Correct the address; the record then syncs by itself.",
    ),
    ReasonText(
        Reason.DUPLICATE_EMAIL,
        ReasonKind.SKIP,
        "Another record has the same email address.",
        "The record that came first keeps the address, so that the two do not overwrite each other.",
        "Merge the two records, or give one of them another address.",
    ),
    ReasonText(
        Reason.UNSUBSCRIBED,
        ReasonKind.SKIP,
        "This person unsubscribed.",
        "They opted out, and Lockstep never subscribes anyone again on its own.",
        "Nothing to fix: only the person can subscribe again.",
    ),
    ReasonText(
        Reason.NO_ELSEWHERE,
        ReasonKind.SKIP,
        "Another record with the same email address says No.",
        "One No counts for everybody at an address, so this one is not subscribed.",
        "Open the other record: merge the two, or correct the No there.",
    ),
    ReasonText(
        Reason.REMOVED_AT_TARGET,
        ReasonKind.SKIP,
        "The record was deleted in the other app.",
        "Somebody deleted it there, and Lockstep does not create it again.",
        "Nothing to fix if this was intended.",
    ),
    ReasonText(
        Reason.MERGED,
        ReasonKind.SKIP,
        "This record was merged into another one.",
        "The remaining record carries on in its place.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.DELETED_AT_SOURCE,
        ReasonKind.SKIP,
        "The record was deleted.",
        "It no longer exists in the app it came from, and nothing has to happen in the other one.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.NOT_VISIBLE,
        ReasonKind.SKIP,
        "Lockstep cannot see the record, and no deletion was reported.",
        "The connected user may have lost access to it, or it was deleted and the report has not arrived yet.",
        "Check what the connected user may see. A deletion is found by the weekly comparison.",
    ),
    ReasonText(
        Reason.NOT_LINKED,
        ReasonKind.SKIP,
        "This record is not synced, so there is nothing to update.",
        "It has no counterpart in the other app.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.UNHANDLED_EVENT,
        ReasonKind.SKIP,
        "This kind of event is not used.",
        "The app reported something that this integration does not sync.",
        "Nothing to fix.",
    ),
    ReasonText(
        Reason.TOO_MANY_EVENTS,
        ReasonKind.SKIP,
        "A call with too many events was refused.",
        "It held many times more events than the app is known to send at once, or the app did not send it.",
        "Nothing to fix: the regular comparison finds the changes. If it happens again, renew the webhook's secret.",
    ),
    ReasonText(
        Reason.WRONG_ACCOUNT,
        ReasonKind.SKIP,
        "The event belongs to another account.",
        "It names an account that is not the connected one.",
        "Check that the webhook was created in the connected account.",
    ),
    ReasonText(
        Reason.BOTH_CHANGED,
        ReasonKind.SKIP,
        "A field was changed in both apps; one of the changes was kept.",
        "Somebody edited it in both before either change was synced.",
        "Nothing to fix. If the wrong change was kept, correct the value: the correction is synced.",
    ),
)
FAILED = (
    ReasonText(
        Reason.RECORD_REFUSED,
        ReasonKind.FAILURE,
        "The record was refused.",
        "A value does not fit: it is too long, of the wrong type, or meant for a field that does not exist.",
        "Read the answer in the detail, correct the value or the mapping, then sync the record again.",
    ),
    ReasonText(
        Reason.RECORD_UNREADABLE,
        ReasonKind.FAILURE,
        "Lockstep could not read this record.",
        "One of its values has an unexpected form, for example a date that does not exist. Other records continue.",
        "Find the record in its app and save it there again; it is then read again. The detail names the value.",
    ),
    ReasonText(
        Reason.RECORD_NOT_FOUND,
        ReasonKind.FAILURE,
        "The record does not exist any more.",
        "It was deleted before it could be synced, or the connected user may not see it.",
        "If the record is there, check what the connected user may see, then sync it again.",
    ),
    ReasonText(
        Reason.RECORD_CONFLICT,
        ReasonKind.FAILURE,
        "Another record stands in the way.",
        "The app already has a record with the same unique value.",
        "Merge the two records or change the value, then sync the record again.",
    ),
    ReasonText(
        Reason.FIELD_UNKNOWN,
        ReasonKind.FAILURE,
        "A mapped field does not exist.",
        "It was deleted or renamed after it was mapped.",
        "Open Fields, choose another field or create this one again, then sync the record again.",
    ),
    ReasonText(
        Reason.VALUE_INVALID,
        ReasonKind.FAILURE,
        "A value did not fit its field and was left out; everything else was saved.",
        "For example, a text stands where a number is expected, or a date does not exist.",
        "Correct the value, or open Fields and have it converted differently.",
    ),
    ReasonText(
        Reason.UNEXPECTED_ANSWER,
        ReasonKind.FAILURE,
        "Lockstep could not read the answer.",
        "The app's API changed, or something in between answered in its place.",
        "Our operators were alerted. Sync the record again to retry.",
    ),
    ReasonText(
        Reason.ATTEMPTS_USED_UP,
        ReasonKind.FAILURE,
        "Lockstep gave up after many attempts.",
        "The app was unavailable for longer than Lockstep keeps trying.",
        "Check that the app is available again, then sync the record again.",
    ),
    ReasonText(
        Reason.CRASHED,
        ReasonKind.FAILURE,
        "Lockstep was stopped repeatedly while working on this record.",
        "The record may be the cause, so it was set aside and the others continue.",
        "Sync it again. If it fails once more, an operator should read the worker's log.",
    ),
    ReasonText(
        Reason.INTERNAL_ERROR,
        ReasonKind.FAILURE,
        "Lockstep made a mistake with this record.",
        "This is a fault in Lockstep, not in your data.",
        "Our operators were alerted. Sync the record again once it is fixed.",
    ),
    ReasonText(
        Reason.UNKNOWN,
        ReasonKind.FAILURE,
        "The reason is not known to this version.",
        "An older version of Lockstep stored it.",
        "Sync the record again to see its present reason.",
    ),
)
HELD = (
    ReasonText(
        Reason.CREDENTIALS_REFUSED,
        ReasonKind.HOLD,
        "The credentials were rejected.",
        "The key was deactivated, has expired or was copied incompletely, or access was revoked.",
        "Enter a new key or connect again. Waiting changes then continue by themselves.",
    ),
    ReasonText(
        Reason.PERMISSION_MISSING,
        ReasonKind.HOLD,
        "A permission is missing.",
        "The key or the connected user is not allowed to do this.",
        "Grant the permission named in the detail, then check the connection again.",
    ),
    ReasonText(
        Reason.ACCOUNT_CLOSED,
        ReasonKind.HOLD,
        "The account is not active.",
        "The trial has ended, an invoice is unpaid, or the credit is used up.",
        "Reactivate the account, then check the connection again.",
    ),
    ReasonText(
        Reason.APP_REMOVED,
        ReasonKind.HOLD,
        "Somebody uninstalled Lockstep.",
        "It was removed from the account's apps, which ended our access.",
        "This integration is being uninstalled. To continue, connect the apps again; linked records are recognized.",
    ),
    ReasonText(
        Reason.ADDRESS_REFUSED,
        ReasonKind.HOLD,
        "The address of the connection is not accepted.",
        "It does not belong to the app or does not lead to a public server.",
        "Correct the address of the connection.",
    ),
    ReasonText(
        Reason.WEBHOOK_LIMIT,
        ReasonKind.HOLD,
        "No more webhooks can be created.",
        "The account or user has reached its limit of webhooks.",
        "Delete webhooks that are no longer used, then save the settings again.",
    ),
    ReasonText(
        Reason.FLOW_OFF,
        ReasonKind.HOLD,
        "This part of the integration is switched off.",
        "It was switched off in the settings while changes were waiting.",
        "Switch it on again to continue, or leave it off.",
    ),
    ReasonText(
        Reason.SECRET_UNREADABLE,
        ReasonKind.HOLD,
        "The stored credentials cannot be decrypted.",
        "They were encrypted with a key that is no longer configured.",
        "Enter the credentials again, or ask an operator to put the old key back into LOCKSTEP_SECRET_KEYS.",
    ),
    ReasonText(
        Reason.MASS_DELETE,
        ReasonKind.HOLD,
        "An unusually large number of records would be removed at once.",
        "Many records were deleted, or the connected user can no longer see them.",
        "If this was intended, press “Decide” and let them through. If not, correct it: each record is read again.",
    ),
    ReasonText(
        Reason.OPT_IN_LIMIT,
        ReasonKind.HOLD,
        "The daily limit of opt-in emails is reached.",
        "Many people were to be asked within a day: an import, a misused form, or two apps triggering each other.",
        "Make sure that these people really asked for it, then press “Decide” and let them through.",
    ),
)
WAITING = (
    ReasonText(
        Reason.VENDOR_UNAVAILABLE,
        ReasonKind.WAIT,
        "The app has a problem.",
        "Its API answered with an error.",
        "Nothing to do: Lockstep tries again, with growing pauses.",
    ),
    ReasonText(
        Reason.VENDOR_UNREACHABLE,
        ReasonKind.WAIT,
        "The app could not be reached.",
        "The network or the app was down.",
        "Nothing to do: Lockstep tries again, with growing pauses.",
    ),
    ReasonText(
        Reason.RATE_LIMITED,
        ReasonKind.WAIT,
        "The rate limit is used up for now.",
        "There were many changes at once, or other programs use the same account.",
        "Nothing to do: it continues when the limit allows it.",
    ),
    ReasonText(
        Reason.GAVE_WAY,
        ReasonKind.WAIT,
        "In the queue.",
        "Integrations take turns of a few seconds, so that none of them waits for long.",
        "Nothing to do: it continues in a moment.",
    ),
    ReasonText(
        Reason.LEASE_LOST,
        ReasonKind.WAIT,
        "Another worker took over.",
        "The first one was too slow or was stopped.",
        "Nothing to do.",
    ),
    ReasonText(
        Reason.SETUP_UNFINISHED,
        ReasonKind.WAIT,
        "The setup is not finished yet.",
        "The settings were saved a moment ago, or a step of saving them failed.",
        "Nothing to do for a minute. If it stays so, save the settings again and read the steps.",
    ),
    # Recipes give these two. They are general because the engine does not count them as attempts.
    ReasonText(
        Reason.PERSON_QUEUED,
        ReasonKind.WAIT,
        "The person is still in the queue.",
        "This record needs its person to be synced first.",
        "Nothing to do: it follows its person.",
    ),
    ReasonText(
        Reason.CAP_REACHED,
        ReasonKind.WAIT,
        "The limit of new records per run is reached.",
        "More records came in at once than the settings allow.",
        "Nothing to do: it follows in one of the next runs.",
    ),
)
GENERAL = by_code((*SKIPPED, *FAILED, *HELD, *WAITING))


def general_text(code: str) -> ReasonText | None:
    """Return the text of a code where no recipe is known, as of a connection. None for an empty one."""
    return find(code, GENERAL)
