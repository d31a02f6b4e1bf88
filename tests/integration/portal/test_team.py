"""The team: everybody sees it, owners change it, and an invitation's link works once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants import invitations, team
from tenants.models import Invitation, Member, Role
from tests.support.factories import MemberFactory, UserFactory

pytestmark = pytest.mark.django_db
GOOD = "a-long-Passphrase-31"


@pytest.fixture
def owner():
    return MemberFactory()


def browser(member):
    client = Client()
    client.force_login(member.user)
    return client


def address(member):
    return reverse("portal:team", kwargs={"tenant_id": member.tenant_id})


def act(at, by=None, **form):
    return browser(by or at).post(address(at), form)


def invited(owner, role=Role.EDITOR, email="ada@example.com"):
    offer, token = invitations.invite(owner.tenant, email, role, owner.user)
    return offer, reverse("portal:invitation", kwargs={"token": token})


def join(client, link, username="ada@example.com", password=GOOD, again=GOOD):
    return client.post(link, {"username": username, "password1": password, "password2": again})


def test_everybody_sees_the_team_and_only_owners_its_buttons(owner):
    viewer = MemberFactory(tenant=owner.tenant, role=Role.VIEWER)
    for member, buttons in ((owner, True), (viewer, False)):
        html = browser(member).get(address(owner)).content.decode()
        assert owner.user.username in html
        assert viewer.user.username in html
        assert ("Create invite link" in html) is buttons
    assert address(owner) in browser(viewer).get(reverse("portal:overview", args=[owner.tenant_id])).content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
@pytest.mark.parametrize("do", ["invite", "role", "remove", "revoke"])
def test_only_owners_act(owner, role, do):
    member = MemberFactory(tenant=owner.tenant, role=role)
    offer, _ = invited(owner)
    form = {"do": do, "member": member.pk, "role": "owner", "invitation": offer.pk, "email": "x@example.com"}

    assert act(owner, by=member, **form).status_code == 404

    member.refresh_from_db()
    offer.refresh_from_db()
    assert (member.role, offer.closed_because, Invitation.objects.count()) == (role, "", 1)


@pytest.mark.chaos("H7")
@pytest.mark.parametrize("do", ["role", "remove", "revoke"])
def test_nothing_of_another_tenant_is_changed(owner, do):
    foreign = MemberFactory(role=Role.EDITOR)
    offer, _ = invited(foreign)

    assert act(owner, do=do, member=foreign.pk, invitation=offer.pk, role="viewer").status_code == 404

    foreign.refresh_from_db()
    offer.refresh_from_db()
    assert (foreign.role, offer.closed_because) == (Role.EDITOR, "")


def test_odd_posts_are_no_pages(owner):
    for form in (
        {},
        {"do": "x"},
        {"do": "remove"},
        {"do": "remove", "member": "-1"},
        {"do": "role", "member": "9" * 40},
    ):
        assert act(owner, **form).status_code == 404


def test_a_role_is_changed(owner):
    member = MemberFactory(tenant=owner.tenant, role=Role.VIEWER)
    assert act(owner, do="role", member=member.pk, role="editor").url == address(owner)
    act(owner, do="role", member=member.pk, role="emperor")
    member.refresh_from_db()
    assert member.role == Role.EDITOR


def test_a_member_is_removed_and_sees_nothing_any_more(owner):
    member = MemberFactory(tenant=owner.tenant)
    client = browser(member)

    act(owner, do="remove", member=member.pk)

    assert client.get(address(owner)).status_code == 404
    assert get_user_model().objects.filter(pk=member.user_id).exists()


def test_the_last_owner_stays(owner):
    MemberFactory(tenant=owner.tenant, role=Role.EDITOR)
    MemberFactory(tenant=owner.tenant, user=UserFactory(is_active=False))  # cannot act any more
    for form in ({"do": "remove"}, {"do": "role", "role": "viewer"}):
        html = browser(owner).post(address(owner), {**form, "member": owner.pk}, follow=True).content.decode()
        assert "A team needs an owner." in html
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_an_owner_who_leaves_takes_their_open_invitations_along(owner):
    other = MemberFactory(tenant=owner.tenant)
    offer, _ = invited(other)

    assert browser(other).post(address(owner), {"do": "remove", "member": other.pk}).url == "/"

    offer.refresh_from_db()
    assert "withdrawn" in offer.closed_because
    with pytest.raises(team.LastOwner):
        team.remove(owner)


def test_an_invitation_shows_its_link_once_and_keeps_no_token(owner, settings):
    html = act(owner, do="invite", email="ada@example.com", role="editor").content.decode()

    link = re.search(r'value="(http[^"]+/invite/([^"/]+)/)"', html)
    assert link[1].startswith(settings.PUBLIC_URL)
    offer = Invitation.objects.get()
    assert link[2] not in str(offer.__dict__)
    assert (offer.email, offer.role, offer.invited_by) == ("ada@example.com", "editor", owner.user)
    later = browser(owner).get(address(owner)).content.decode()
    assert link[2] not in later
    assert "ada@example.com" in later
    assert Client().get(f"/invite/{link[2]}/").status_code == 200


def test_a_wrong_address_is_said_at_its_field(owner):
    answer = act(owner, do="invite", email="ada", role="editor")
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in html
    assert "Enter a valid email address." in html
    assert not Invitation.objects.exists()


def test_a_new_person_joins_with_a_password(owner):
    offer, link = invited(owner)
    client = Client()
    html = client.get(link).content.decode()
    assert owner.tenant.name in html
    assert "Editor" in html

    answer = join(client, link)

    user = get_user_model().objects.get(username="ada@example.com")
    assert answer.url == reverse("portal:connect", args=[owner.tenant_id])
    assert client.get(answer.url).status_code == 200
    assert (user.is_staff, user.check_password(GOOD)) == (False, True)
    assert Member.objects.get(user=user).role == Role.EDITOR
    offer.refresh_from_db()
    assert offer.accepted_by == user


@pytest.mark.parametrize(
    ("password", "again"), [("short", "short"), ("password", "password"), (GOOD, GOOD + "x"), ("", "")]
)
def test_a_weak_password_is_refused(owner, password, again):
    _, link = invited(owner)
    html = join(Client(), link, password=password, again=again).content.decode()
    assert 'class="error"' in html
    assert not get_user_model().objects.filter(username="ada@example.com").exists()


def test_a_name_that_exists_is_not_taken_over(owner):
    staff = UserFactory(username="Ada@example.com", is_staff=True)
    _, link = invited(owner)
    client = Client()

    html = join(client, link).content.decode()

    assert "already exists" in html
    assert "_auth_user_id" not in client.session
    assert not staff.memberships.exists()


def test_who_is_signed_in_accepts_by_a_post_only(owner):
    member = MemberFactory()
    offer, link = invited(owner)
    client = browser(member)
    assert client.get(link).status_code == 200
    offer.refresh_from_db()
    assert not offer.accepted_at

    assert client.post(link).status_code == 302

    assert Member.objects.get(user=member.user, tenant=owner.tenant).role == Role.EDITOR


def test_accepting_never_weakens_a_member(owner):
    _, link = invited(owner, Role.VIEWER)
    browser(owner).post(link)
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expires_at": timezone.now() - timedelta(minutes=1)}, "has expired"),
        ({"revoked_at": timezone.now()}, "was withdrawn"),
        ({"accepted_at": timezone.now()}, "has been used"),
    ],
)
def test_a_closed_link_says_so(owner, change, words):
    offer, link = invited(owner)
    Invitation.objects.filter(pk=offer.pk).update(**change)
    stranger = MemberFactory()
    for client in (Client(), browser(stranger)):
        for answer in (client.get(link), join(client, link)):
            assert answer.status_code == 404
            assert words in answer.content.decode()
    assert Member.objects.filter(tenant=owner.tenant).count() == 1


def test_a_link_works_once(owner):
    _, link = invited(owner)
    join(Client(), link)
    answer = join(Client(), link, username="eve@example.com")
    assert answer.status_code == 404
    assert not get_user_model().objects.filter(username="eve@example.com").exists()


def test_two_who_looked_at_once_cannot_both_win(owner):
    offer, _ = invited(owner)
    stale = Invitation.objects.get(pk=offer.pk)
    invitations.accept(offer, UserFactory())
    with pytest.raises(invitations.InvitationClosed, match="used already"):
        invitations.accept(stale, UserFactory())


def test_an_unknown_link_and_an_inactive_tenant(owner):
    assert "not known" in Client().get("/invite/nothing/").content.decode()
    _, link = invited(owner)
    owner.tenant.is_active = False
    owner.tenant.save()
    answer = join(Client(), link)
    assert answer.status_code == 404
    assert "switched off" in answer.content.decode()
    assert not get_user_model().objects.filter(username="ada@example.com").exists()


def test_a_link_lives_seven_days_and_can_be_withdrawn(owner):
    offer, link = invited(owner)
    assert timedelta(days=6, hours=23) < offer.expires_at - timezone.now() <= timedelta(days=7)
    assert act(owner, do="revoke", invitation=offer.pk).url == address(owner)
    assert "withdrawn" in Client().get(link).content.decode()


def test_a_new_invitation_replaces_the_open_one(owner):
    _, first = invited(owner)
    _, second = invited(owner, email="ADA@example.com")
    assert (Client().get(first).status_code, Client().get(second).status_code) == (404, 200)


@pytest.mark.chaos("H15")
def test_forms_need_the_csrf_token(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user)
    assert client.post(address(owner), {"do": "remove", "member": owner.pk}).status_code == 403
    assert Client(enforce_csrf_checks=True).post(invited(owner)[1]).status_code == 403


def test_no_token_in_the_log(owner, caplog):
    from integration.redact import HookTokenFilter

    offer, link = invited(owner)
    invitations.revoke(offer)
    Client().get(link)
    record = next(row for row in caplog.records if "/invite/" in row.getMessage())
    HookTokenFilter().filter(record)
    assert link.split("/")[2] not in record.getMessage()
