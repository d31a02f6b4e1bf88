"""Who may change whose rights at the console: nobody their own, and nobody beyond what they have themselves."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission, User
from django.db.models import Q, QuerySet


def rights_of(user: User) -> set[int]:
    """The keys of all permissions somebody has or would have: also while switched off, which can be undone."""
    if user.is_superuser:
        return set(Permission.objects.values_list("pk", flat=True))
    return set(Permission.objects.filter(Q(user=user) | Q(group__user=user)).values_list("pk", flat=True))


def reaches(user: AbstractBaseUser | AnonymousUser, other: User) -> bool:
    """Whether this person may edit that one: a new password for somebody opens everything they may do."""
    if not isinstance(user, User):
        return False
    if user.is_superuser or user.pk == other.pk:
        return True
    return not other.is_superuser and rights_of(other) <= rights_of(user)


def groups_to_give(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Group]:
    """The groups whose permissions this person has, all of them."""
    if not isinstance(user, User):
        return Group.objects.none()
    if user.is_superuser:
        return Group.objects.all()
    beyond = Permission.objects.exclude(pk__in=rights_of(user))
    return Group.objects.exclude(permissions__in=beyond)
