"""Tenants are switched off and never deleted; members and users are managed with the console's own forms."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from tenants.models import Invitation, Member, Tenant
from tests.support import factories


@pytest.fixture
def console(db: None) -> Client:
    client = Client()
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    return client


NO_MEMBERS = {"members-TOTAL_FORMS": "0", "members-INITIAL_FORMS": "0"}


def test_a_tenant_is_added_and_leads_to_its_systems(console: Client) -> None:
    data = {"name": "ACME", "timezone": "Europe/Berlin", "is_active": "on", **NO_MEMBERS}
    console.post(reverse("admin:tenants_tenant_add"), data)
    tenant = Tenant.objects.get()
    text = console.get(reverse("admin:tenants_tenant_change", args=[tenant.pk])).content.decode()
    for name in ("integration", "connection"):
        address = reverse(f"admin:integration_{name}_changelist") + f"?tenant__id__exact={tenant.pk}"
        assert address in text
        assert console.get(address).status_code == 200
        assert reverse(f"admin:integration_{name}_add") + f"?tenant={tenant.pk}" in text


def test_an_unknown_time_zone_is_refused(console: Client) -> None:
    data = {"name": "ACME", "timezone": "Mars/Olympus", "is_active": "on", **NO_MEMBERS}
    page = console.post(reverse("admin:tenants_tenant_add"), data)
    assert "Mars/Olympus is not a known time zone" in page.content.decode()


def test_a_tenant_is_switched_off_and_not_deleted(console: Client) -> None:
    tenant = factories.TenantFactory()
    assert console.post(reverse("admin:tenants_tenant_delete", args=[tenant.pk]), {"post": "yes"}).status_code == 403
    change = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    console.post(change, {"name": tenant.name, "timezone": tenant.timezone, **NO_MEMBERS})
    assert not Tenant.objects.get().is_active


def test_members_are_added_on_the_tenants_page(console: Client) -> None:
    tenant, user = factories.TenantFactory(), factories.UserFactory()
    data = {"name": tenant.name, "timezone": tenant.timezone, "is_active": "on", **NO_MEMBERS,
            "members-TOTAL_FORMS": "1", "members-0-user": str(user.pk), "members-0-role": "editor"}  # fmt: skip
    console.post(reverse("admin:tenants_tenant_change", args=[tenant.pk]), data)
    member = Member.objects.get()
    assert (member.tenant, member.user, member.role) == (tenant, user, "editor")


def test_users_and_groups_open_in_the_consoles_clothes(console: Client) -> None:
    user, group = get_user_model().objects.get(), Group.objects.create(name="Support")
    for name, row in (("user", user), ("group", group)):
        assert console.get(reverse(f"admin:auth_{name}_changelist")).status_code == 200
        assert console.get(reverse(f"admin:auth_{name}_change", args=[row.pk])).status_code == 200
        assert console.get(reverse(f"admin:auth_{name}_add")).status_code == 200
    assert console.get(reverse("admin:auth_user_password_change", args=[user.pk])).status_code == 200


def test_a_member_is_invited_by_a_link(console: Client) -> None:
    tenant = factories.TenantFactory()
    change = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    address = reverse("admin:tenants_tenant_invite_member", args=[tenant.pk])
    assert address in console.get(change).content.decode()
    assert "Create invite link" in console.get(address).content.decode()
    assert not Invitation.objects.exists()

    assert "Enter a valid" in console.post(address, {"email": "ada", "role": "owner"}).content.decode()
    page = console.post(address, {"email": "ada@example.com", "role": "owner"}).content.decode()

    link = page.split('readonly size="90" value="')[1].split('"')[0]
    offer = Invitation.objects.get()
    assert (offer.tenant, offer.email, offer.role) == (tenant, "ada@example.com", "owner")
    assert Client().get(link.removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_who_may_only_look_invites_nobody(db: None) -> None:
    client, user = Client(), factories.UserFactory(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_tenant"))
    client.force_login(user)
    address = reverse("admin:tenants_tenant_invite_member", args=[factories.TenantFactory().pk])
    assert client.post(address, {"email": "ada@example.com", "role": "owner"}).status_code == 403
    assert not Invitation.objects.exists()


def test_who_lets_people_in_gives_nobody_every_right(db: None) -> None:
    admin = factories.UserFactory(is_staff=True)
    admin.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client = Client()
    client.force_login(admin)
    root = factories.UserFactory(is_superuser=True)
    form = {"username": admin.username, "is_staff": "on", "is_active": "on", "is_superuser": "on"}

    client.post(reverse("admin:auth_user_change", args=[admin.pk]), form)
    admin.refresh_from_db()
    assert not admin.is_superuser
    for page in ("admin:auth_user_password_change", "admin:auth_user_delete"):
        assert client.get(reverse(page, args=[root.pk])).status_code == 403
