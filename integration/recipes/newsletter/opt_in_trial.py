"""An opt-in email to a member of the tenant, who then sees whether it arrives.

No answer of Maileon proves that a mailing exists or goes out (maileon sheet, corrections): only an inbox does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from integration.connectors.maileon.records import Contact
from integration.engine.api import Found, OptInTrial, consent_rules, limits
from integration.errors import RecordError
from integration.models import RecordLink
from integration.recipes.newsletter import consent, standing
from integration.recipes.newsletter.session import S, Session
from integration.secrets import email_hash

SUBSCRIBED = _(
    "Maileon knows this address as a subscriber already, so it would send no opt-in email. Delete that contact in "
    "Maileon first, or ask a colleague whose address is in neither app to press the button."
)
OPTED_OUT = _(
    "Maileon remembers that this address has unsubscribed before, so Lockstep sends no opt-in email to it. A colleague "
    "whose address is in neither app can press the button instead."
)
KNOWN = _(
    "This address belongs to a person in {source}, whose consent a test must not change. A colleague whose address is "
    "in neither app can press the button instead."
)
NONE_LEFT = _("The opt-in emails of today are used up. The button works again tomorrow.")
LOOK = _(
    "Maileon accepted an opt-in email to {address}, which does not prove that one goes out. If nothing arrives within "
    "ten minutes, the mailing “{key}” does not exist, is not active or asks for no opt-in: compare the key with "
    "the mailing in Maileon. Afterwards you can delete your contact there."
)
LOOK_DEFAULT = _(
    "Maileon accepted an opt-in email to {address}, which does not prove that one goes out. If nothing arrives within "
    "ten minutes, your account has no active mailing as its default for opt-ins: check this in Maileon. Afterwards you "
    "can delete your contact there."
)


def opt_in_trial(plus: Callable[[S], bool], search: Callable[[Session[Any, S], str], Sequence[Found]]) -> OptInTrial[S]:
    """The trial of a recipe. `plus`: whether its opt-in emails ask for Double Opt-in Plus; `search`: at the source."""

    def send(ctx: Session[Any, S], address: str) -> str:
        if search(ctx, address) or _is_linked(ctx, address):
            raise RecordError(KNOWN.format(source=ctx.connection("left").connector.label))
        return _send(ctx, address, plus=plus(ctx.settings))

    return OptInTrial(offered=lambda settings: settings["doi_enabled"], send=send)


def _is_linked(ctx: Session[Any, S], address: str) -> bool:
    return RecordLink.objects.filter(integration=ctx.integration, email_hash=email_hash(address)).exists()


def _send(ctx: Session[Any, S], address: str, *, plus: bool) -> str:
    """Send it by the mailing of the settings, and return what to look for. Raises RecordError when it may not be sent.

    Nobody's permission changes: whoever has one gets no email here, and an opt-out is respected. People of the source
    are refused before: what they say there counts.
    """
    known = consent_rules.Evidence(marked=ctx.right.has_unsubscription_marker(address), by_confirmation=True)
    if consent_rules.may_subscribe(known):
        raise RecordError(str(OPTED_OUT))
    if standing.permission_of(standing.look(ctx, address)) > consent.PERMISSION_NONE:
        raise RecordError(str(SUBSCRIBED))
    if not limits.mails_left(ctx):
        raise RecordError(str(NONE_LEFT))
    key = ctx.settings["doi_key"]
    ctx.right.create_contact(
        Contact(email=address), permission=consent.PERMISSION_NONE, doi=True, doiplus=plus, doimailing=key
    )
    limits.note_mails(ctx, 1)
    consent_rules.asked_since_removal(ctx.integration.right, [address])
    return LOOK.format(address=address, key=key) if key else LOOK_DEFAULT.format(address=address)
