"""Who enters a tenant: its members with the role that is needed, while it is switched on; nobody else, ever."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from tenants.access import member_or_404, tenants_of
from tenants.models import Role
from tests.support.factories import MemberFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db


def enters(user, tenant, at_least=Role.VIEWER):
    try:
        return member_or_404(user, tenant.pk, at_least).tenant == tenant
    except Http404:
        return False


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.VIEWER, {Role.VIEWER}), (Role.EDITOR, {Role.VIEWER, Role.EDITOR}), (Role.OWNER, set(Role))],
)
def test_a_member_enters_as_far_as_the_role_reaches(role, may):
    member = MemberFactory(role=role)

    assert {wanted for wanted in Role if enters(member.user, member.tenant, wanted)} == may


def test_nobody_else_enters():
    tenant, other = TenantFactory(), MemberFactory(role=Role.OWNER)

    assert not enters(other.user, tenant)
    assert not enters(UserFactory(is_superuser=True), tenant)
    assert not enters(AnonymousUser(), tenant)
    assert list(tenants_of(AnonymousUser())) == []


def test_a_switched_off_tenant_is_entered_by_nobody():
    member = MemberFactory(role=Role.OWNER, tenant__is_active=False)
    active = MemberFactory(user=member.user)
    MemberFactory()

    assert not enters(member.user, member.tenant)
    assert list(tenants_of(member.user)) == [active.tenant]
