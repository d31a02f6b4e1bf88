"""The second factor in the console: its two pages, and the list of who has one."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from config.pages import PageContext
from integration.admin.core import html
from integration.admin.core.actions import page
from integration.admin.core.base import Admin, object_action
from integration.admin.core.masking import mask
from integration.admin.core.unfold_compat import styled
from integration.models import AuthenticatorApp
from integration.second_factor.pages import Place, ask_code, own_app
from tenants import audit, sessions


def _render(request: HttpRequest, template: str, context: PageContext, status: int) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context}, status=status)


CONSOLE = Place(
    home="admin:index", verify="console-verify", set_up="console-two-factor",
    verify_template="lockstep/verify.html", set_up_template="lockstep/two_factor.html", render=_render,
)  # fmt: skip


@never_cache
@sensitive_post_parameters("code")
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for the app's code, after the password."""
    return ask_code(request, CONSOLE)


@never_cache
@sensitive_post_parameters("code")
def two_factor(request: HttpRequest) -> HttpResponse:
    """The person's own app."""
    return own_app(request, CONSOLE)


class ResetForm(forms.Form):
    """Why somebody's second factor is taken away."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("For example: lost the phone, recognised on the telephone. Name no person; the audit keeps it."),
    )


@admin.register(AuthenticatorApp)
class AppAdmin(Admin):
    """Who has a second factor. Somebody who lost phone and codes gets theirs reset, and sets up a new one."""

    list_display = ("user", "confirmed", "created_at", "last_used_at", "codes_left")
    list_select_related = ("user",)
    masked = {"user": "masked_user"}
    found_whole = ("user__username",)
    search_fields = ("user__username",)
    fields = list_display
    actions_detail = ("reset",)
    empty_text = _("Nobody has set up a second factor yet. Each person does it under My second factor.")

    @admin.display(description=_("Recovery codes left"))
    def codes_left(self, app: AuthenticatorApp) -> int:
        """Unused ones."""
        return len(app.recovery)

    @admin.display(description=_("User"))
    def masked_user(self, app: AuthenticatorApp) -> str:
        """Whose, for who may not see it."""
        return str(mask(app.user.get_username()))

    @object_action(_("Reset"), icon="lock_reset", variant="danger", permission="reset")
    def reset(self, request: HttpRequest, app: AuthenticatorApp) -> HttpResponse:
        """Take the app away, so that the person sets up a new one at the next sign-in."""
        owner = app.user
        assert isinstance(owner, User)
        if owner.pk == request.user.pk or (owner.is_superuser and not request.user.is_superuser):
            raise PermissionDenied
        form = styled(ResetForm(request.POST if request.method == "POST" else None))
        if form.is_valid():
            app.delete()
            sessions.end_all(owner)
            audit.record(f"Second factor reset: {form.cleaned_data['reason']}", owner)
            text = gettext("The second factor is reset. The person sets up a new one after signing in.")
            self.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(html.url_of_list(AuthenticatorApp))
        says = (
            gettext("Make sure that it is really this person who asks: call back on a number you know."),
            gettext("The app and the recovery codes no longer work, and the person is signed out everywhere."),
            gettext("After the next sign-in the person sets up a new one, where one is required."),
        )
        return page(
            self, request, title=gettext("Reset this second factor?"), says=says, verb=gettext("Reset it"),
            danger=True, form=form, back=html.url_of(app),
        )  # fmt: skip

    def has_reset_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may delete second factors."""
        return super().has_delete_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Everybody sets up their own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """There is nothing to change for somebody else."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Reset asks for a reason, deleting would not."""
        return False
