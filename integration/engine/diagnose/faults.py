"""The closed list of what Diagnose can find wrong beside the reasons: what, likely cause, fix, and the button for it.

`{…}` is filled in by the check. The operator guide has a row for each.
"""

from __future__ import annotations

from dataclasses import dataclass

# Buttons: what the console puts beside a finding.
REPAIR, CONNECTION, SETTINGS, MAPPING, JOBS, TENANT = "repair", "connection", "settings", "mapping", "jobs", "tenant"


@dataclass(frozen=True)
class Fault:
    """One thing that can be wrong. `button` is empty where nothing in the console fixes it."""

    code: str
    what: str
    cause: str
    fix: str
    button: str = ""


_ROWS = (
    Fault(
        "not_set_up",
        "It is not set up yet.",
        "Its settings were never saved, or a step failed when they were.",
        "Save the settings: that makes fields and webhooks and switches it on.",
        SETTINGS,
    ),
    Fault(
        "nothing_on",
        "Nothing is switched on.",
        "Every part of the integration is switched off in its settings.",
        "Switch a part on in the settings, or pause the integration.",
        SETTINGS,
    ),
    Fault(
        "tenant_off",
        "The tenant is switched off.",
        "Somebody switched it off; nothing of theirs is synced then.",
        "Switch the tenant on if that was not meant.",
        TENANT,
    ),
    Fault(
        "disconnected",
        "{vendor} is disconnected: there are no credentials any more.",
        "The integration that used this connection was uninstalled.",
        "Connect the account again.",
        CONNECTION,
    ),
    Fault(
        "other_account",
        "The credentials open {account}, not {expected}.",
        "A key of another account was entered.",
        "Enter a key of {expected}. To change to another account, uninstall and connect anew.",
        CONNECTION,
    ),
    Fault(
        "marked",
        "{vendor} accepts the credentials again, but the connection is still marked as Needs attention.",
        "The cause was removed at {vendor} since the last check.",
        "Press Repair: it is checked, and the held jobs go on. The next connection check does the same.",
        REPAIR,
    ),
    Fault(
        "webhook_missing",
        "{count} of {needed} webhooks are missing at {vendor}: {events}.",
        "Somebody deleted them, or {vendor} did after days of failed deliveries.",
        "Press Repair: they are made again. The poll fetches what was missed.",
        REPAIR,
    ),
    Fault(
        "webhook_inactive",
        "{count} of {needed} webhooks are switched off at {vendor}: {events}.",
        "Too many deliveries failed, so {vendor} stopped calling us for a while.",
        "Find out why: was the web process down? Then press Repair: they are made anew.",
        REPAIR,
    ),
    Fault(
        "webhook_elsewhere",
        "{count} of {needed} webhooks at {vendor} call another address than ours: {events}.",
        "The hub's public address has changed, or somebody edited them.",
        "Press Repair: they are made anew with the present address.",
        REPAIR,
    ),
    Fault(
        "address_not_public",
        "Vendors cannot reach the hub at {address}.",
        "PUBLIC_URL is not a public https address.",
        "Set PUBLIC_URL to the address vendors reach, restart, then press Repair.",
    ),
    Fault(
        "webhook_silent",
        "{vendor} has sent nothing for {since}, although it usually does at these hours.",
        "Deliveries do not reach us (firewall, certificate, address), or {vendor} stopped sending.",
        "Open the hub's address from outside, change a record at {vendor} and see whether an event comes in.",
    ),
    Fault(
        "opt_ins_unanswered",
        "{count} people were asked by opt-in mail, and nobody has confirmed.",
        "The mails may not go out (a mailing key that does not exist is accepted in silence), or no click reaches us.",
        "Compare the mailing in the settings with that in the marketing system, and ask yourself for a test opt-in.",
    ),
    Fault(
        "webhook_missed",
        "Polls found {count} changes at {vendor} that no webhook told of.",
        "Deliveries do not reach us (firewall, certificate, address), or {vendor} stopped sending.",
        "Open the hub's address from outside, change a record at {vendor} and see whether an event comes in.",
    ),
    Fault(
        "field_missing",
        "The field “{field}” is missing at {vendor}.",
        "Somebody deleted it there.",
        "Press Repair: it is made again, and what we know is written back.",
        REPAIR,
    ),
    Fault(
        "option_missing",
        "The field “{field}” at {vendor} lacks the option {options}.",
        "Somebody deleted or replaced options of the field.",
        "Press Repair: the options are made again.",
        REPAIR,
    ),
    Fault(
        "mapping_source_missing",
        "{row}: {vendor} has no such source field any more.",
        "The field was deleted at {vendor} after the mapping was made.",
        "Choose another source field, or switch the row off.",
        MAPPING,
    ),
    Fault(
        "mapping_target_missing",
        "{row}: {vendor} has no such target field any more.",
        "The field was deleted or renamed at {vendor} after the mapping was made.",
        "Press Repair to have it made again, or choose another target field.",
        REPAIR,
    ),
    Fault(
        "mapping_target_fixed",
        "{row}: {vendor} does not let anybody write this field.",
        "It is kept by {vendor} itself.",
        "Choose another target field, or switch the row off.",
        MAPPING,
    ),
    Fault(
        "mapping_no_way_back",
        "{row}: what its transform makes cannot travel back.",
        "The row has the direction ← or ↔.",
        "Let the row travel → only, or choose another transform.",
        MAPPING,
    ),
    Fault(
        "mapping_source_fixed",
        "{row}: {vendor} does not let anybody write the field it would travel back to.",
        "It is kept by {vendor} itself.",
        "Let the row travel → only.",
        MAPPING,
    ),
    Fault(
        "mapping_type",
        "{row}: {given} does not fit a field of type {wanted}.",
        "The transform does not make what the target field takes.",
        "Choose another transform or another target field.",
        MAPPING,
    ),
    Fault(
        "worker_gone",
        "No worker is alive: the last sweep was {since}.",
        "The worker process has ended or hangs, or it cannot reach the queue.",
        "Start or restart the workers (manage.py qcluster). Nothing is lost: changes are collected and wait.",
    ),
    Fault(
        "queue_late",
        "The oldest change has waited for {since}.",
        "More comes in than the workers get done, or the queue's messages are lost.",
        "Look whether the workers are busy and Redis answers; start more workers if it goes on.",
    ),
    Fault(
        "clock_skew",
        "Our clock is {seconds} {direction} {vendor}'s.",
        "The time of this server is not synchronised. If only one vendor shows it, that vendor's is wrong.",
        "Switch time synchronisation (NTP) on. Polls miss changes and tokens are renewed too late with a wrong clock.",
    ),
    Fault(
        "budget_used_up",
        "{vendor}'s budget is used up: {left} of {limit} left ({window}), new in {resets}.",
        "Many changes at once, or other programs use the same account.",
        "Nothing to do: it goes on when the budget is back. See which other programs use the account.",
    ),
    Fault(
        "resting",
        "{vendor} is left alone for another {until}, after {failures} failures in a row.",
        "{vendor} did not answer properly, or asked us to slow down.",
        "Nothing to do: it is tried again by itself.",
    ),
    Fault(
        "jobs_held",
        "{count} {noun} held: {why}",
        "{cause}",
        "{fix}",
        REPAIR,
    ),
    Fault(
        "jobs_dead",
        "{count} {noun} dead: {why}",
        "{cause}",
        "{fix}",
        JOBS,
    ),
    Fault(
        "check_crashed",
        "This could not be looked at: {error}.",
        "A fault of ours; the other checks went on.",
        "Look into the process log and tell the developers.",
    ),
)  # fmt: skip
FAULTS = {fault.code: fault for fault in _ROWS}
