"""The team of a tenant: who is in it, who is invited, and the page behind an invitation's link."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from integration.portal.pages import enter, page
from integration.portal.signin import BACKEND, landing
from integration.second_factor.codes import CodeForm, proves, status_of
from integration.second_factor.demand import app_of, with_apps
from tenants import audit, guessing, invitations, locked, team
from tenants.invitations import InviteForm
from tenants.models import Invitation, Member, Role, Tenant

if TYPE_CHECKING:
    NewUserForm = UserCreationForm[User]
else:
    NewUserForm = UserCreationForm


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class JoinForm(NewUserForm):
    """A new person: the e-mail address is the name they sign in with."""

    username = forms.EmailField(label=_("Email address"), max_length=150)

    class Meta:
        model = User
        fields = ("username",)

    def save(self, commit: bool = True) -> User:
        """Keep the address as the address too. It is never used to find a user."""
        self.instance.email = self.cleaned_data["username"]
        user: User = super().save(commit=commit)
        return user


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Everybody of the tenant sees the team; owners change it, by what `do` says."""
    tenant = enter(request, tenant_id, Role.OWNER if request.method == "POST" else Role.VIEWER)
    if request.method != "POST":
        return _page(request, tenant)
    act = ACTIONS.get(request.POST.get("do", ""))
    if act is None:
        raise Http404
    return act(request, tenant)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What the link offers. Accepted by a POST: as who is signed in, or as a new person with a password."""
    offer = invitations.find(token)
    if offer is None:
        return _unknown(request)
    if offer.closed_because:
        return _closed(request, offer.closed_because)
    form = None if request.user.is_authenticated else JoinForm(request.POST or None, initial={"username": offer.email})
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            if _join(request, offer, form):
                messages.success(request, gettext("Welcome to {tenant}.").format(tenant=offer.tenant.name))
                return redirect(landing(offer.tenant))
        except invitations.InvitationClosed as exc:
            return _closed(request, str(exc))
    back = reverse("portal:invitation", kwargs={"token": token})
    return render(request, "portal/invitation.html", {"offer": offer, "form": form, "next": back})


def _unknown(request: HttpRequest) -> HttpResponse:
    """Say that the link is not complete; to an address that tries many, when it may try again."""
    if until := _locked_until(request):
        why = gettext("Too many unknown invitation links came from your address.")
        return locked.page(request, until, why, gettext("A complete link works."))
    return _closed(request, gettext("This invitation link is not known. Check that it is complete."))


def _locked_until(request: HttpRequest) -> datetime | None:
    """Until when unknown links are refused; else one more of them is counted."""
    return guessing.begin(guessing.Trial.of(guessing.INVITATION, request))


def _join(request: HttpRequest, offer: Invitation, form: JoinForm | None) -> bool:
    if form is None:
        assert isinstance(request.user, User)
        invitations.accept(offer, request.user)
        return True
    try:
        with transaction.atomic():
            user = form.save()
            invitations.accept(offer, user)
    except IntegrityError:  # somebody took the name since the form looked
        form.add_error("username", gettext("A user with that username already exists."))
        return False
    login(request, user, backend=BACKEND)
    return True


def _closed(request: HttpRequest, why: str) -> HttpResponse:
    why = gettext("{why} Ask the owner of the team for a new one.").format(why=why)
    return render(request, "portal/stopped.html", {"heading": gettext("Invitation"), "why": why}, status=404)


def _invite(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, tenant, form=form, status=422)
    by = request.user if isinstance(request.user, User) else None
    offer, token = invitations.invite(tenant, form.cleaned_data["email"], form.cleaned_data["role"], by)
    return _page(request, tenant, offer=offer, link=invitations.link(token))


def _change_role(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    member = _member(request, tenant)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Choose one of the roles."))
        return _back(tenant)
    try:
        team.change_role(member, form.cleaned_data["role"])
        messages.success(
            request, gettext("{name} is now {role}.").format(name=_name(member), role=member.get_role_display())
        )
    except team.LastOwner as exc:
        messages.error(request, str(exc))
    return _back(tenant)


def _remove(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    member = _member(request, tenant)
    try:
        team.remove(member)
    except team.LastOwner as exc:
        messages.error(request, str(exc))
        return _back(tenant)
    messages.success(
        request, gettext("{name} is no longer a member of {tenant}.").format(name=_name(member), tenant=tenant.name)
    )
    return redirect("portal:home") if member.user_id == request.user.pk else _back(tenant)


def _revoke(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    offer = get_object_or_404(Invitation, tenant=tenant, pk=_number(request, "invitation"))
    if invitations.revoke(offer):
        messages.success(request, gettext("The invitation of {email} is withdrawn.").format(email=offer.email))
    else:
        messages.warning(request, gettext("This invitation was closed already."))
    return _back(tenant)


def _demand(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Ask every member for a second factor. Whoever asks must have one: it is no rule for others only."""
    if app_of(request.user) is None:
        messages.error(request, gettext("Set up your own second factor first. Then you can require it of the team."))
        return redirect("portal:second_factor")
    if Tenant.objects.filter(pk=tenant.pk, requires_second_factor=False).update(requires_second_factor=True):
        audit.record("Second factor required of all members", tenant)
    messages.success(
        request,
        gettext("From now on each member needs a second factor. Whoever has none sets it up at the next click."),
    )
    return _back(tenant)


def _release(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Ask no longer. With a code: an open browser is not enough to weaken everybody's sign-in."""
    app, form = app_of(request.user), CodeForm(request.POST)
    if app is None:
        raise Http404
    if not (form.is_valid() and proves(request, app, form)):
        return _page(request, tenant, code_form=form, status=status_of(form))
    if Tenant.objects.filter(pk=tenant.pk, requires_second_factor=True).update(requires_second_factor=False):
        audit.record("Second factor no longer required of all members", tenant)
    messages.warning(request, gettext("Members no longer need a second factor. Whoever has one keeps it."))
    return _back(tenant)


ACTIONS = {
    "invite": _invite, "role": _change_role, "remove": _remove, "revoke": _revoke,
    "demand": _demand, "release": _release,
}  # fmt: skip


def _page(
    request: HttpRequest,
    tenant: Tenant,
    *,
    form: InviteForm | None = None,
    code_form: CodeForm | None = None,
    offer: Invitation | None = None,
    link: str = "",
    status: int = 200,
) -> HttpResponse:
    people = Member.objects.select_related("user").filter(tenant=tenant).order_by("created_at")
    with_app = with_apps(row.user_id for row in people)
    rows = [
        (
            row,
            RoleForm(initial={"role": row.role}, auto_id=f"id_{row.pk}_%s"),
            row.user_id == request.user.pk,
            row.user_id in with_app,
        )
        for row in people
    ]
    offers = invitations.open_ones(tenant)
    context = {
        "rows": rows,
        "offers": offers,
        "form": form or InviteForm(),
        "days": invitations.LIFETIME.days,
        "offer": offer,
        "link": link,
        "code_form": code_form or CodeForm(auto_id="id_release_%s"),
        "asked_without": 0 if tenant.requires_second_factor else len(rows) - len(with_app),
    }
    return page(request, tenant, "team", context, status=status)


def _member(request: HttpRequest, tenant: Tenant) -> Member:
    return get_object_or_404(Member.objects.select_related("user"), tenant=tenant, pk=_number(request, "member"))


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text)


def _name(member: Member) -> str:
    return member.user.get_full_name() or member.user.get_username()


def _back(tenant: Tenant) -> HttpResponse:
    return redirect("portal:team", tenant_id=tenant.pk)
