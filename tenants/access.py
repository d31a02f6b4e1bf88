"""Who may see what. Every page of a tenant asks here and nowhere else; a foreign tenant is a 404, never a 403."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from tenants.models import Member, Role, Tenant
from tenants.viewing import viewed

ROLE_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}


def person(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who asks; None where nobody is signed in."""
    return request.user if request.user.is_authenticated else None


def works_in_console(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this person is an operator: staff, a superuser, or holder of a role of the console."""
    if not isinstance(user, User):
        return False
    return bool(user.is_staff or user.is_superuser or user.groups.exists())


def tenants_of(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Tenant]:
    """Return the active tenants this user is a member of."""
    if not user.is_authenticated:
        return Tenant.objects.none()
    if tenant := viewed(user):
        return Tenant.objects.filter(pk=tenant.pk)
    return Tenant.objects.filter(members__user_id=user.pk, is_active=True)


def member_or_404(user: AbstractBaseUser | AnonymousUser, tenant_id: UUID, at_least: str = Role.VIEWER) -> Member:
    """Return the user's membership of this tenant with at least that role. Raises Http404."""
    if not user.is_authenticated:
        raise Http404
    if (tenant := viewed(user)) is not None and tenant.pk == tenant_id:
        return Member(tenant=tenant, user_id=user.pk, role=Role.OWNER)  # never stored: an operator who only looks
    member = (
        Member.objects.select_related("tenant")
        .filter(user_id=user.pk, tenant_id=str(tenant_id), tenant__is_active=True)
        .first()
    )
    if member is None or ROLE_RANK[Role(member.role)] < ROLE_RANK[Role(at_least)]:
        raise Http404
    return member
