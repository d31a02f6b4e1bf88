"""Who a token's subject is here: matched by issuer and subject, never by e-mail. Roles are the provider's to give.

At every sign-in somebody has exactly the roles that the group claim maps to; whoever maps to none has lost the console.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.utils import timezone

from integration.oidc.token import Claims
from integration.secrets import keyed_hash
from tenants import sessions
from tenants.models import OperatorIdentity


class NoRole(Exception):
    """None of this person's groups opens the console."""


class SwitchedOff(Exception):
    """The person is switched off here."""


def roles_of(claims: Claims) -> set[str]:
    """The console's roles that the groups of the claim map to."""
    groups = claims.texts(settings.OIDC_GROUP_CLAIM)
    return {role for group, role in settings.OIDC_ROLES.items() if group in groups}


def has_second_factor(claims: Claims) -> bool:
    """Whether the provider says that it has seen one."""
    by_method = claims.texts("amr") & set(settings.OIDC_AMR)
    return bool(by_method) or claims.text("acr") in settings.OIDC_ACR


def arrive(claims: Claims) -> tuple[User, str]:
    """Return the person with today's roles, and what changed for the audit (empty: nothing).

    Raises NoRole, with everything taken away from whoever had a role until now, and SwitchedOff.
    """
    groups = list(Group.objects.filter(name__in=roles_of(claims)))
    known = OperatorIdentity.objects.select_related("user")
    row = known.filter(issuer=settings.OIDC_ISSUER, subject=claims.subject).first()
    if not groups:
        if row is not None:
            _take_away(row.user)
        raise NoRole
    if row is None:
        row = _new(claims)
    if not row.user.is_active:
        raise SwitchedOff
    changed = _set(row.user, claims, groups)
    OperatorIdentity.objects.filter(pk=row.pk).update(last_used_at=timezone.now())
    return row.user, changed


def _new(claims: Claims) -> OperatorIdentity:
    try:
        with transaction.atomic():
            user = User(username=_free_name(claims), is_staff=True)
            user.set_unusable_password()
            user.save()
            return OperatorIdentity.objects.create(issuer=settings.OIDC_ISSUER, subject=claims.subject, user=user)
    except IntegrityError:  # the same person in another tab was quicker
        return OperatorIdentity.objects.select_related("user").get(issuer=settings.OIDC_ISSUER, subject=claims.subject)


def _free_name(claims: Claims) -> str:
    """A name nobody has. An existing account with this name or address is somebody else until proven."""
    wanted = (claims.text("preferred_username") or claims.text("email") or "operator")[:120]
    if not User.objects.filter(username__iexact=wanted).exists():
        return wanted
    return f"{wanted}-{keyed_hash(f'{settings.OIDC_ISSUER} {claims.subject}')[:12]}"


@transaction.atomic
def _set(user: User, claims: Claims, groups: list[Group]) -> str:
    """Give exactly these roles, and nothing that somebody gave by hand."""
    before, after = set(user.groups.values_list("name", flat=True)), {group.name for group in groups}
    user.email = claims.text("email")[:254]
    user.first_name, user.last_name = claims.text("given_name")[:150], claims.text("family_name")[:150]
    raised = user.is_superuser or not user.is_staff
    user.is_staff, user.is_superuser = True, False
    user.save(update_fields=["email", "first_name", "last_name", "is_staff", "is_superuser"])
    user.groups.set(groups)
    user.user_permissions.clear()
    return ", ".join(sorted(after)) if raised or before != after else ""


@transaction.atomic
def _take_away(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)
    user.groups.clear()
    user.user_permissions.clear()
    sessions.end_all(user)
