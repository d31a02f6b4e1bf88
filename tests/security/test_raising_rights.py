"""Nobody raises their own rights at the console, nor anybody's beyond them. Asked by the real forms, tampered with."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from tests.support.factories import UserFactory

CHANGE = "admin:auth_user_change"


def form(user, **wish):
    """What the form would send, and what somebody puts into it by hand."""
    return {
        "username": user.username, "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00", **wish,
    }  # fmt: skip


def send(client, user, **wish):
    return client.post(reverse(CHANGE, args=[user.pk]), form(user, **wish))


@pytest.fixture
def strong(db):
    """A group that may what no role may."""
    group = Group.objects.create(name="Strong")
    group.permissions.set(Permission.objects.all())
    return group


@pytest.mark.parametrize("name", ["Administrator", "superuser"])
def test_nobody_changes_their_own_rights(name, people, browsers, strong):
    user = people[name]
    before = set(user.groups.all())
    wish = {"groups": [strong.pk], "user_permissions": [Permission.objects.all()[0].pk], "is_superuser": "on"}

    answer = send(browsers[name], user, **wish)

    user.refresh_from_db()
    assert answer.status_code == 302
    assert set(user.groups.all()) == before
    assert not user.user_permissions.exists()
    assert user.is_superuser == (name == "superuser")
    page = browsers[name].get(reverse(CHANGE, args=[user.pk])).content.decode()
    for field in ("groups", "is_superuser", "is_staff", "is_active", "user_permissions"):
        assert f'name="{field}"' not in page


def test_a_superuser_does_not_give_up_the_own_rights_by_accident(people, browsers):
    user = people["superuser"]
    browsers["superuser"].post(reverse(CHANGE, args=[user.pk]), {"username": user.username})
    user.refresh_from_db()
    assert (user.is_superuser, user.is_staff, user.is_active) == (True, True, True)


def test_an_administrator_gives_no_group_above_the_own(people, browsers, strong):
    colleague = UserFactory(is_staff=True)
    answer = send(browsers["Administrator"], colleague, groups=[strong.pk])

    assert answer.status_code == 200
    assert "Select a valid choice" in answer.content.decode()
    assert not colleague.groups.exists()
    page = browsers["Administrator"].get(reverse(CHANGE, args=[colleague.pk])).content.decode()
    assert "Strong" not in page

    for role in ("Support", "Operator", "Administrator"):
        send(browsers["Administrator"], colleague, groups=[Group.objects.get(name=role).pk])
        assert [group.name for group in colleague.groups.all()] == [role]


def test_an_administrator_makes_no_superuser_and_gives_no_single_right(people, browsers):
    colleague = UserFactory(is_staff=True)
    wish = {"is_superuser": "on", "user_permissions": [Permission.objects.all()[0].pk]}
    assert send(browsers["Administrator"], colleague, **wish).status_code == 302
    colleague.refresh_from_db()
    assert not colleague.is_superuser
    assert not colleague.user_permissions.exists()
    add = {"username": "new", "password1": "a long passphrase", "password2": "a long passphrase",
           "usable_password": "true", "is_superuser": "on", "is_staff": "on"}  # fmt: skip
    browsers["Administrator"].post(reverse("admin:auth_user_add"), add)
    made = type(colleague).objects.get(username="new")
    assert not made.is_superuser


@pytest.mark.parametrize("off", [False, True])
def test_nobody_edits_whoever_may_more(off, people, browsers, strong):
    """Neither by the form nor by a new password, which would open the account; also while it is switched off."""
    above = UserFactory(is_staff=True, is_active=not off)
    above.groups.add(strong)
    for other in (above, people["superuser"]):
        assert send(browsers["Administrator"], other, email="mine@example.com").status_code == 403
        for page in ("admin:auth_user_password_change", "admin:auth_user_delete"):
            assert browsers["Administrator"].post(reverse(page, args=[other.pk]), {"post": "yes"}).status_code == 403
        ticked = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
        browsers["Administrator"].post(reverse("admin:auth_user_changelist"), ticked)
        other.refresh_from_db()


def test_somebody_who_may_change_users_and_little_else_reaches_no_administrator(people, db):
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=("change_user", "view_user", "see_personal_data"))
    )
    client = Client()
    client.force_login(clerk)
    for name in ("Support", "Administrator"):
        assert send(client, people[name], email="mine@example.com").status_code == 403
    colleague = UserFactory(is_staff=True)
    refused = send(client, colleague, groups=[Group.objects.get(name="Administrator").pk])
    assert "Select a valid choice" in refused.content.decode()
    assert not colleague.groups.exists()


def test_only_superusers_change_what_a_group_may(people, browsers):
    group = Group.objects.get(name="Administrator")
    before = set(group.permissions.all())
    change = reverse("admin:auth_group_change", args=[group.pk])
    everything = {"name": "Administrator", "permissions": [row.pk for row in Permission.objects.all()]}

    assert browsers["Administrator"].get(change).status_code == 200
    assert browsers["Administrator"].post(change, everything).status_code == 403
    assert browsers["Administrator"].post(reverse("admin:auth_group_add"), {"name": "Mine"}).status_code == 403
    delete = reverse("admin:auth_group_delete", args=[group.pk])
    assert browsers["Administrator"].post(delete, {"post": "yes"}).status_code == 403
    assert set(group.permissions.all()) == before
    assert browsers["superuser"].post(change, everything).status_code == 302
    assert set(group.permissions.all()) != before


def test_nobody_deletes_themselves(people, browsers):
    for name in ("Administrator", "superuser"):
        address = reverse("admin:auth_user_delete", args=[people[name].pk])
        assert browsers[name].post(address, {"post": "yes"}).status_code == 403
