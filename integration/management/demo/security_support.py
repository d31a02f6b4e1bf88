"""Item 3 of the demo's security section: Support neither sees personal data nor finds it out by look-ups."""

from __future__ import annotations

import secrets

import requests
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import reverse

from integration.management.demo.stage import NotSeen, Stage
from integration.models import RecordLink, SyncJob, SyncLog, SyncRun, VendorCall, WebhookEvent

TABLES: tuple[type[Model], ...] = (WebhookEvent, SyncJob, SyncLog, RecordLink, SyncRun, VendorCall)
LOOK_UPS = (
    (WebhookEvent, "payload__email__startswith"), (SyncLog, "changes__icontains"), (SyncLog, "detail__regex"),
    (VendorCall, "path__contains"), (RecordLink, "email_hash__startswith"), (SyncJob, "hint__icontains"),
)  # fmt: skip
TIMEOUT = 20


def support_sees_nothing(stage: Stage) -> str:
    """Sign in as Support, ask what was an oracle once, and read a page of every table."""
    browser = _sign_in()
    for model, look_up in LOOK_UPS:
        answer = browser.get(_list_of(model), params={look_up: "a"}, timeout=TIMEOUT)
        if answer.status_code != 400:
            raise NotSeen(f"the look-up {look_up} was answered with {answer.status_code}")
    people = {str(payload["email"]) for payload in WebhookEvent.objects.filter(payload__has_key="email")
              .order_by("-id").values_list("payload", flat=True)[:200] if payload["email"]}  # fmt: skip
    pages = [address for model in TABLES for address in _pages_of(model)]
    for address in pages:
        text = browser.get(address, timeout=TIMEOUT).text
        if told := next((person for person in people if person in text), None):
            raise NotSeen(f"{address} shows {told} to Support")
    return f"{len(LOOK_UPS)} look-ups refused; {len(pages)} pages show none of {len(people)} people to Support"


def _sign_in() -> requests.Session:
    password = secrets.token_urlsafe(12)
    user = User.objects.create_user(f"support-{secrets.token_hex(3)}", password=password, is_staff=True)
    user.groups.add(Group.objects.get(name="Support"))
    browser, door = requests.Session(), f"{settings.PUBLIC_URL}{reverse('admin:login')}"
    browser.get(door, timeout=TIMEOUT)
    form = {"username": user.username, "password": password, "next": reverse("admin:index"),
            "csrfmiddlewaretoken": browser.cookies.get("csrftoken", "")}  # fmt: skip
    landed = browser.post(door, data=form, headers={"Referer": door}, timeout=TIMEOUT)
    if not landed.url.endswith(reverse("admin:index")):
        raise NotSeen(f"signing in as Support ended at {landed.url} with {landed.status_code}")
    return browser


def _list_of(model: type[Model]) -> str:
    return f"{settings.PUBLIC_URL}{reverse(f'admin:integration_{model._meta.model_name}_changelist')}"


def _pages_of(model: type[Model]) -> list[str]:
    newest = model._default_manager.order_by("-pk").values_list("pk", flat=True)[:5]
    return [_list_of(model), *(_list_of(model) + f"{key}/change/" for key in newest)]
