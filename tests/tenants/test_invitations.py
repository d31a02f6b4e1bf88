"""An invitation works once, for a week, while it stands and its tenant is switched on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants import invitations
from tenants.models import Invitation, Member, Role
from tests.support.factories import MemberFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer():
    return invitations.invite(TenantFactory(), "ada@example.com", Role.EDITOR, None)[0]


def accepted(offer, user):
    try:
        return invitations.accept(offer, user).role
    except invitations.InvitationClosed:
        return None


def test_it_works_once(offer):
    assert accepted(offer, UserFactory()) == Role.EDITOR
    assert accepted(offer, UserFactory()) is None
    assert Member.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [{"expires_at": timezone.now() - timedelta(seconds=1)}, {"revoked_at": timezone.now()}],
    ids=["too old", "withdrawn"],
)
def test_a_closed_one_lets_nobody_in(offer, change):
    Invitation.objects.update(**change)

    assert accepted(offer, UserFactory()) is None
    assert not Member.objects.exists()


def test_a_switched_off_tenant_takes_nobody_in(offer):
    offer.tenant.is_active = False
    offer.tenant.save(update_fields=["is_active"])

    assert accepted(offer, UserFactory()) is None


@pytest.mark.parametrize(
    ("has", "gets"), [(Role.VIEWER, Role.EDITOR), (Role.EDITOR, Role.EDITOR), (Role.OWNER, Role.OWNER)]
)
def test_a_member_keeps_the_stronger_role(offer, has, gets):
    member = MemberFactory(tenant=offer.tenant, role=has)

    assert accepted(offer, member.user) == gets
    member.refresh_from_db()
    assert member.role == gets
