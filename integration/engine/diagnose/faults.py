"""The closed list of what Diagnose can find wrong beside the reasons: what, likely cause, fix, and the button for it.

`{…}` is filled in by the check. The operator guide has a row for each.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise

# Buttons: what the console puts beside a finding.
REPAIR, CONNECTION, SETTINGS, MAPPING, JOBS, TENANT = "repair", "connection", "settings", "mapping", "jobs", "tenant"
DIFFERENCES = "differences"


@dataclass(frozen=True)
class Fault:
    """One thing that can be wrong. `button` is empty where nothing in the console fixes it."""

    code: str
    what: StrOrPromise
    cause: StrOrPromise
    fix: StrOrPromise
    button: str = ""


_ROWS = (
    Fault(
        "not_set_up",
        _("It is not set up yet."),
        _("Its settings were never saved, or a step failed when they were."),
        _("Save the settings: that creates fields and webhooks and switches it on."),
        SETTINGS,
    ),
    Fault(
        "nothing_on",
        _("Nothing is switched on."),
        _("Every part of the integration is switched off in its settings."),
        _("Switch a part on in the settings, or pause the integration."),
        SETTINGS,
    ),
    Fault(
        "tenant_off",
        _("The tenant is switched off."),
        _("Somebody switched it off; nothing of this tenant is synced."),
        _("Switch the tenant on if that was not meant."),
        TENANT,
    ),
    Fault(
        "disconnected",
        _("{vendor} is disconnected: there are no credentials any more."),
        _("The integration that used this connection was uninstalled."),
        _("Connect the account again."),
        CONNECTION,
    ),
    Fault(
        "other_account",
        _("The credentials open {account}, not {expected}."),
        _("A key of another account was entered."),
        _("Enter a key of {expected}. To use another account, uninstall the integration and connect again."),
        CONNECTION,
    ),
    Fault(
        "marked",
        _("{vendor} accepts the credentials again, but the connection still shows Needs attention."),
        _("The cause was removed at {vendor} since the last check."),
        _("Press Repair: the connection is checked, and the held jobs continue. The next connection check does "
"the same."),
        REPAIR,
    ),
    Fault(
        "webhook_missing",
        _("{count} of {needed} webhooks are missing at {vendor}: {events}."),
        _("Somebody deleted them, or {vendor} did after days of failed deliveries."),
        _("Press Repair: they are created again. The poll fetches what was missed."),
        REPAIR,
    ),
    Fault(
        "webhook_inactive",
        _("{count} of {needed} webhooks are switched off at {vendor}: {events}."),
        _("Too many deliveries failed, so {vendor} stopped calling us for a while."),
        _("Find out why: was the web process down? Then press Repair: they are created again."),
        REPAIR,
    ),
    Fault(
        "webhook_elsewhere",
        _("{count} of {needed} webhooks at {vendor} call another address than ours: {events}."),
        _("The hub's public address has changed, or somebody edited them."),
        _("Press Repair: they are created again with the present address."),
        REPAIR,
    ),
    Fault(
        "address_not_public",
        _("Vendors cannot reach the hub at {address}."),
        _("PUBLIC_URL is not a public https address."),
        _("Set PUBLIC_URL to the address vendors reach, restart, then press Repair."),
    ),
    Fault(
        "webhook_silent",
        _("{vendor} has sent nothing for {since}, although it usually does at these hours."),
        _("Deliveries do not reach us (firewall, certificate, address), or {vendor} stopped sending."),
        _("Open the hub's address from outside, change a record at {vendor} and see whether an event comes in."),
    ),
    Fault(
        "opt_ins_unanswered",
        _("Opt-in emails sent: {count}. Nobody has confirmed."),
        _("The emails may not go out (a mailing key that does not exist is accepted without an error), or no "
"click reaches us."),
        _("Compare the mailing in the settings with that in the marketing system, and ask yourself for a test opt-in."),
    ),
    Fault(
        "webhook_missed",
        _("Changes in {vendor} that a poll found and no webhook reported: {count}."),
        _("Deliveries do not reach us (firewall, certificate, address), or {vendor} stopped sending."),
        _("Open the hub's address from outside, change a record at {vendor} and see whether an event comes in."),
    ),
    Fault(
        "field_missing",
        _("The field “{field}” is missing at {vendor}."),
        _("Somebody deleted it there."),
        _("Press Repair: it is created again, and the values we know are written back."),
        REPAIR,
    ),
    Fault(
        "option_missing",
        _("The field “{field}” at {vendor} lacks the option {options}."),
        _("Somebody deleted or replaced options of the field."),
        _("Press Repair: the options are created again."),
        REPAIR,
    ),
    Fault(
        "mapping_source_missing",
        _("{row}: {vendor} has no such source field any more."),
        _("The field was deleted at {vendor} after the mapping was made."),
        _("Choose another source field, or switch the row off."),
        MAPPING,
    ),
    Fault(
        "mapping_target_missing",
        _("{row}: {vendor} has no such target field any more."),
        _("The field was deleted or renamed at {vendor} after the mapping was made."),
        _("Press Repair to create it again, or choose another target field."),
        REPAIR,
    ),
    Fault(
        "mapping_target_fixed",
        _("{row}: {vendor} does not allow anybody to write this field."),
        _("{vendor} fills in this field itself."),
        _("Choose another target field, or switch the row off."),
        MAPPING,
    ),
    Fault(
        "mapping_no_way_back",
        _("{row}: the transform cannot be reversed."),
        _("The row has the direction ← or ↔."),
        _("Set the direction to → only, or choose another transform."),
        MAPPING,
    ),
    Fault(
        "mapping_source_fixed",
        _("{row}: {vendor} does not allow anybody to write the field on the way back."),
        _("{vendor} fills in this field itself."),
        _("Set the direction to → only."),
        MAPPING,
    ),
    Fault(
        "mapping_type",
        _("{row}: {given} does not fit a field of type {wanted}."),
        _("The transform produces values that the target field does not accept."),
        _("Choose another transform or another target field."),
        MAPPING,
    ),
    Fault(
        "worker_gone",
        _("No worker is alive: changes are collected and wait. Nothing is lost."),
        _("The worker process has ended or hangs, or it cannot reach the database."),
        _("Start or restart the workers (manage.py qcluster). Nothing is lost: changes are collected and wait."),
    ),
    Fault(
        "sweeper_silent",
        _("The schedule stands still although a worker is alive."),
        _("The worker cannot reach the queue, or its cluster hands out no tasks any more."),
        _("Check whether Redis answers, then restart the workers. Nothing is lost: changes are collected and wait."),
    ),
    Fault(
        "queue_late",
        _("The oldest change has waited for long, and none moves."),
        _("More changes come in than the workers can sync, or messages of the queue are lost."),
        _("Check whether the workers are busy and Redis answers. Start more workers if it lasts."),
    ),
    Fault(
        "clock_skew",
        _("Our clock and that of {vendor} differ by {difference}."),
        _("The time of this server is not synchronised. If only one vendor shows it, that vendor's is wrong."),
        _("Switch time synchronisation (NTP) on. Polls miss changes and tokens are renewed too late with a "
"wrong clock."),
    ),
    Fault(
        "budget_used_up",
        _("A rate limit is used up."),
        _("Many changes at once, or other programs use the same account."),
        _("Nothing to do: it continues when the rate limit allows it. Check which other programs use the account."),
    ),
    Fault(
        "vendor_down",
        _("The vendor does not answer."),
        _("It is out of service or cannot be reached from here, or its answers cannot be read."),
        _("Nothing to do: Lockstep tries again by itself. If it lasts, look at the vendor's status page."),
    ),
    Fault(
        "resting",
        _("Calls to the vendor are paused."),
        _("It did not answer properly, or asked us to slow down."),
        _("Nothing to do: Lockstep tries again by itself."),
    ),
    Fault(
        "not_checked",
        _("The vendor has not been asked lately."),
        _("The schedule does not run, or the workers are busy with other work."),
        _("Check whether the workers are busy. Press Check now at the connection."),
        CONNECTION,
    ),
    Fault(
        "jobs_held",
        _("Jobs held: {count}. {why}"),
        "{cause}",
        "{fix}",
        REPAIR,
    ),
    Fault(
        "jobs_dead",
        _("Jobs dead: {count}. {why}"),
        "{cause}",
        "{fix}",
        JOBS,
    ),
    Fault(
        "check_crashed",
        _("This check failed: {error}."),
        _("This is a fault in Lockstep. The other checks were completed."),
        _("Read the process log and tell the developers."),
    ),
)  # fmt: skip
FAULTS = {fault.code: fault for fault in _ROWS}
