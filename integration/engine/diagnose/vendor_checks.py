"""Checks that ask a vendor: credentials, rights, webhooks, fields, and the clocks compared by the way."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext, ngettext

from integration.connectors.base import Subscription
from integration.engine.diagnose.faults import REPAIR
from integration.engine.diagnose.findings import NOT_OK, Finding, Look, fault, fine, passed_over, refused
from integration.engine.setup import permissions, provisioning
from integration.errors import IntegrationError
from integration.guard import is_literal, is_public
from integration.models import Health, RemoteSubscription, WebhookEndpoint
from integration.reasons import Reason
from tenants.personal import mask

SKEW = 60.0  # seconds; polls look two minutes back, so less than that loses nothing


def credentials(look: Look, side: str) -> Iterator[Finding]:
    """Ask the vendor whose account it is. Without an answer nothing more is asked on this side."""
    connection, vendor = look.connection(side), look.vendor(side)
    if connection.health == Health.DISCONNECTED:
        look.unanswered[side] = gettext("Not asked: {vendor} is disconnected.").format(vendor=vendor)
        yield fault("disconnected", vendor=vendor)
        return
    try:
        account = connection.connector.check(look.ctx.client(side))
    except IntegrationError as exc:
        if exc.reason == Reason.PERMISSION_MISSING:
            yield fine(gettext("{vendor} accepts them. Rights shows what they do not allow.").format(vendor=vendor))
            return
        text = look.recipe.reason_text(exc.reason)
        look.unanswered[side] = gettext("Not asked: {why}").format(why=text.what if text else exc.public)
        yield refused(look, exc)
        return
    if connection.is_another(account):
        look.unanswered[side] = gettext("Not asked: the credentials belong to another account.")
        expected = mask(connection.account_name) or connection.external_account_id
        yield fault("other_account", account=mask(account.name), expected=expected)
    elif connection.health == Health.NEEDS_YOU:
        yield fault("marked", vendor=vendor)
    else:
        yield fine(gettext("{vendor} accepts them: {account}.").format(vendor=vendor, account=mask(account.name)))


def rights(look: Look, side: str) -> Iterator[Finding]:
    """Scopes, verbs and roles, as far as the connector can tell."""
    connection = look.connection(side)
    roles = connection.connector.rights(look.ctx.client(side))
    found = [*roles, *permissions.consented(connection, look.recipe, side)]
    missing = [right for right in found if not right.granted]
    if not found:
        text = gettext("{vendor} does not report what the credentials may do.")
        yield passed_over(text.format(vendor=look.vendor(side)))
    elif not missing:
        names = ", ".join(right.name for right in found)
        yield fine(gettext("All required permissions are granted: {names}.").format(names=names))
    for fix in dict.fromkeys(right.fix for right in missing):
        names = ", ".join(right.name for right in missing if right.fix == fix)
        reason = look.recipe.reason_texts[Reason.PERMISSION_MISSING]
        what = gettext("The credentials lack a permission: {names}.").format(names=names)
        steps = gettext("{fix} Then press Repair.").format(fix=fix)
        yield Finding(NOT_OK, what, str(reason.cause), steps, reason.code, REPAIR)


def webhooks(look: Look, side: str) -> Iterator[Finding]:
    """Do our webhooks exist, are they switched on, and do they call us?"""
    connection, vendor = look.connection(side), look.vendor(side)
    needed = provisioning.needed_events(connection, look.recipes, look.integration)
    if not needed:
        text = gettext("With these settings no webhook of {vendor} is needed.")
        yield passed_over(text.format(vendor=vendor))
        return
    if not reachable(connection.base_url):
        yield fault("address_not_public", address=settings.PUBLIC_URL)
    subscriptions = connection.connector.subscriptions
    if subscriptions is None:
        text = gettext("The app in {vendor} holds our address; {vendor} cannot be asked for it.")
        if connection.connector.by_hand:
            text = gettext("A person enters our address in {vendor}; {vendor} cannot be asked for it.")
        yield passed_over(text.format(vendor=vendor))
        return
    there = {row.external_id: row for row in subscriptions.list_subscriptions(look.ctx.client(side))}
    endpoint = WebhookEndpoint.objects.select_related("connection").filter(connection=connection).first()
    known = dict(RemoteSubscription.objects.filter(connection=connection).values_list("event", "external_id"))
    wrong: dict[str, list[str]] = {}
    for event in sorted(needed):
        if code := _wrong(there.get(known.get(event, "")), endpoint):
            wrong.setdefault(code, []).append(event)
    for code, events in wrong.items():
        yield fault(code, count=len(events), needed=len(needed), vendor=vendor, events=", ".join(events))
    if not wrong:
        yield fine(gettext("All {count} are in place and call us.").format(count=len(needed)))


def _wrong(row: Subscription | None, endpoint: WebhookEndpoint | None) -> str:
    if row is None or endpoint is None:
        return "webhook_missing"
    if not provisioning.calls_us(row, endpoint):
        return "webhook_elsewhere"
    return "" if row.active else "webhook_inactive"


def reachable(base_url: str) -> bool:
    """Whether the vendor can call our address; stand-in vendors on this machine can call any."""
    if settings.SANDBOX_URL and base_url.startswith(settings.SANDBOX_URL):
        return True
    parts = urlsplit(settings.PUBLIC_URL)
    host = parts.hostname or ""
    fits = is_public(host) if is_literal(host) else "." in host
    return parts.scheme == "https" and fits


def fields(look: Look, side: str) -> Iterator[Finding]:
    """The fields the recipe cannot do without, and those of the mapping rows it needs."""
    wanted = [need for need in look.recipe.fields(look.ctx) if need.side == side]
    if not wanted:
        text = gettext("With these settings the recipe needs no field of its own in {vendor}.")
        yield passed_over(text.format(vendor=look.vendor(side)))
        return
    broken = False
    for need in wanted:
        spec = look.fields(side, need.object_type).get(need.key)
        if spec is None:
            broken = True
            yield fault("field_missing", field=need.label, vendor=look.vendor(side))
            continue
        there = {option.key for option in spec.options}
        if missing := [label for key, label in need.options.items() if key not in there]:
            broken = True
            yield fault("option_missing", field=need.label, vendor=look.vendor(side), options=", ".join(missing))
    if not broken:
        names = ", ".join(str(need.label) for need in wanted)
        yield fine(gettext("All {count} exist: {names}.").format(count=len(wanted), names=names))


def clock(look: Look, side: str) -> Iterator[Finding]:
    """Compare the clocks by the Date header of the answers above."""
    skew = look.ctx.skew.get(side)
    if skew is None:
        yield passed_over(gettext("{vendor} reported no time.").format(vendor=look.vendor(side)))
    elif abs(skew) > SKEW:
        yield fault("clock_skew", difference=_difference(skew), vendor=look.vendor(side))
    else:
        text = gettext("Our clock and that of {vendor} differ by less than {seconds} seconds.")
        yield fine(text.format(vendor=look.vendor(side), seconds=max(round(abs(skew)), 2)))


def _difference(skew: float) -> str:
    """How far apart the clocks are, and which one is ahead."""
    count, unit = round(abs(skew)), "seconds"
    if count >= 120:
        count, unit = round(count / 60), "minutes"
    texts = {
        ("seconds", True): ngettext("{count} second (ours is ahead)", "{count} seconds (ours is ahead)", count),
        ("seconds", False): ngettext("{count} second (ours is behind)", "{count} seconds (ours is behind)", count),
        ("minutes", True): ngettext("{count} minute (ours is ahead)", "{count} minutes (ours is ahead)", count),
        ("minutes", False): ngettext("{count} minute (ours is behind)", "{count} minutes (ours is behind)", count),
    }
    return texts[unit, skew > 0].format(count=count)
