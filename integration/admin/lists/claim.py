"""Claims: administrators at a vendor who connect, or ask for, an account that another customer holds."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.texts import english
from integration.admin.core import html
from integration.admin.core.actions import page
from integration.admin.core.base import Admin, object_action
from integration.admin.core.masking import mask
from integration.engine.setup import account_claims
from integration.models import AccountClaim, ClaimState, Connection
from tenants import audit

BADGES = {
    ClaimState.CONNECTED: html.Badge(html.BLUE, "info", _("Connected; both were told")),
    ClaimState.OPEN: html.Badge(html.RED, "gavel", _("Waits for your decision")),
    ClaimState.GRANTED: html.Badge(html.GREEN, "check_circle", _("Granted")),
    ClaimState.REFUSED: html.Badge(html.GREY, "block", _("Refused")),
}


@admin.register(AccountClaim)
class ClaimAdmin(Admin):
    """An open one waits for an operator; the others are told for the record."""

    list_display = ("account", "vendor", "state_badge", "claimant", "tenant", "made")
    list_select_related = ("user", "tenant")
    list_filter = ("state",)
    ordering = ("-made_at",)
    actions_detail = ("grant", "refuse")
    fields = ("account", "vendor", "state_badge", "claimant", "proof", "tenant", "held_by", "made", "decision")
    readonly_fields = fields
    empty_text = _(
        "No claim yet. One is made when an administrator at a vendor connects an account that another customer holds."
    )

    @admin.display(description=_("Account"))
    def account(self, claim: AccountClaim) -> str:
        """Its name with the vendor's id."""
        return f"{mask(claim.account_name)} ({mask(claim.account_id)})"

    @admin.display(description=_("State"))
    def state_badge(self, claim: AccountClaim) -> html.Badge:
        """What became of it."""
        return BADGES[ClaimState(claim.state)]

    @admin.display(description=_("Claimed by"))
    def claimant(self, claim: AccountClaim) -> str:
        """The person here."""
        return mask(claim.user.get_full_name() or claim.user.get_username())

    @admin.display(description=_("Proof"))
    def proof(self, claim: AccountClaim) -> str:
        """What the vendor said, and when."""
        person = mask(claim.vendor_user_id)
        return gettext("{vendor} named its user {person} as an administrator of the account.").format(
            vendor=claim.get_vendor_display(), person=person
        )

    @admin.display(description=_("Held by"))
    def held_by(self, claim: AccountClaim) -> html.Html:
        """The other customers' connections of the account."""
        rows = account_claims.held_elsewhere(claim.vendor, claim.account_id, claim.tenant_id)
        return html.doors([(html.url_of(row), f"{row.tenant}: {_how(row)}") for row in rows.select_related("tenant")])

    @admin.display(description=_("Made"))
    def made(self, claim: AccountClaim) -> html.Html:
        """When."""
        return html.when(claim.made_at)

    @admin.display(description=_("Decided"))
    def decision(self, claim: AccountClaim) -> html.Html:
        """When, if somebody had to."""
        return html.when(claim.decided_at)

    @object_action(_("Grant"), icon="check")
    def grant(self, request: HttpRequest, claim: AccountClaim) -> HttpResponse:
        """Let the claimant connect the account."""
        says = (
            gettext("The claimant may connect the account by logging in with the vendor once more, within seven days."),
            gettext("The customer who holds it keeps the connection. Uninstall it there if the account is not theirs."),
            gettext("Both customers see this on their pages."),
        )
        return self._decide(request, claim, ClaimState.GRANTED, gettext("Grant the claim"), says)

    @object_action(_("Refuse"), icon="block")
    def refuse(self, request: HttpRequest, claim: AccountClaim) -> HttpResponse:
        """Leave everything as it is; takes back a grant that was not used yet."""
        says = (gettext("The account stays where it is. Both customers see this on their pages."),)
        return self._decide(request, claim, ClaimState.REFUSED, gettext("Refuse the claim"), says)

    def _decide(
        self, request: HttpRequest, claim: AccountClaim, state: ClaimState, verb: str, says: tuple[str, ...]
    ) -> HttpResponse:
        if claim.state not in (ClaimState.OPEN, ClaimState.GRANTED) or claim.state == state:
            self.message_user(request, gettext("Nothing has to be decided here any more."), messages.WARNING)
            return HttpResponseRedirect(html.url_of(claim))
        if request.method != "POST":
            return page(self, request, title=str(claim), says=says, verb=verb, back=html.url_of(claim))
        by = request.user if isinstance(request.user, User) else None
        if account_claims.decide(claim, state, by):
            with english():
                audit.record(str(ClaimState(state).label), claim)
            self.message_user(request, f"{ClaimState(state).label}.", messages.SUCCESS)
        return HttpResponseRedirect(html.url_of(claim))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the vendor's word makes one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """They are the record of who got what."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing to edit; the buttons decide."""
        return False


def _how(row: Connection) -> str:
    if row.auth_kind != "oauth":
        return gettext("with a key or token")
    return (
        gettext("by an administrator's consent") if row.administered else gettext("by the consent of an ordinary user")
    )
