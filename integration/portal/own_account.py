"""What belongs to the person and to no tenant: where they are signed in, their password, their second factor."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from integration.second_factor.demand import app_of
from tenants import guessing, locked, own_sessions, sessions


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """The person's sessions, with the buttons that end them."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        own_sessions.end(request, user)
        return redirect("portal:me")
    context = {
        "rows": own_sessions.listed(request, user),
        "limits": own_sessions.limits_of(user),
        "secured": app_of(user) is not None,
        "has_password": user.has_usable_password(),
    }
    return render(request, "portal/me.html", context)


@method_decorator((never_cache, login_required, sensitive_post_parameters()), name="dispatch")
class ChangePassword(PasswordChangeView):
    """Choose another password. All other sessions end; tries of the old password are counted like at the sign-in."""

    template_name = "portal/password.html"
    success_url = reverse_lazy("portal:me")

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Whoever signs in with a vendor only has no password to change."""
        if request.user.is_authenticated and not request.user.has_usable_password():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        """Count the try before it is made."""
        if until := guessing.begin(self._trial()):
            return locked.page(request, until, locked.WHY, _("Your session stays open."))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """End the others."""
        guessing.forgive(self._trial())
        answer = super().form_valid(form)
        sessions.end_all(form.user, keep=self.request.session.session_key)
        messages.success(self.request, gettext("Your password is changed. Other devices are signed out."))
        return answer

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        """Say why, with the status of a refused form."""
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _trial(self) -> guessing.Trial:
        return guessing.Trial.of(guessing.PASSWORD, self.request, self.request.user.get_username())
