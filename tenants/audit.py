"""The audit: who did what, when, from where, with the value before and after. Nobody changes or deletes a line.

The database itself refuses it (migration 0006), whoever asks. Lines know people and rows by number and name, without
foreign keys, so that they outlive both. They name nobody whose data the hub syncs: an erasure does not reach them.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from django.db import models
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue
from config.texts import english
from tenants.address import client_address

if TYPE_CHECKING:
    from tenants.models import Tenant

Change = tuple[JSONValue, JSONValue]  # before, after
LONGEST = 300  # characters of a value that is kept
NAME = 150  # characters of a name


class AppendOnly(Exception):
    """The audit is only ever added to."""


class AuditEntry(models.Model):
    """One thing that somebody did."""

    at = models.DateTimeField(verbose_name=_("at"), default=timezone.now, db_index=True)
    user_number = models.BigIntegerField(null=True)  # of a user; none where nobody was signed in
    who = models.CharField(verbose_name=_("who"), max_length=NAME)
    address = models.CharField(verbose_name=_("from"), max_length=45, blank=True)  # of the client
    tenant_number = models.UUIDField(null=True)
    model = models.CharField(max_length=60, blank=True)  # "integration.connection"
    row = models.CharField(max_length=64, blank=True)
    row_name = models.CharField(max_length=200, blank=True)
    what = models.TextField(verbose_name=_("what"))
    changes = models.JSONField(default=dict)  # field → [before, after]

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=("tenant_number", "-id"), name="audit_by_tenant"),
            models.Index(fields=("model", "row", "-id"), name="audit_by_row"),
        )

    def __str__(self) -> str:
        return f"{self.what} ({self.row_name})" if self.row_name else self.what

    def save(self, *args: object, **kwargs: object) -> None:
        """Add the line; a second time it is refused."""
        if self.pk is not None:
            raise AppendOnly
        super().save(force_insert=True)

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        """Refuse."""
        raise AppendOnly


@dataclass(frozen=True)
class Actor:
    """Who acts and from where. A request is looked at when something is done: until then nobody may be signed in."""

    name: str = "Lockstep"
    request: HttpRequest | None = None

    @property
    def number(self) -> int | None:
        """The number of the user who is signed in."""
        user = getattr(self.request, "user", None)
        return user.pk if user is not None and user.is_authenticated else None

    @property
    def known_as(self) -> str:
        """The name of whoever acts."""
        if self.request is None:
            return self.name
        user = getattr(self.request, "user", None)
        return user.get_username() if user is not None and user.is_authenticated else "nobody signed in"

    @property
    def address(self) -> str:
        """The client's address."""
        return (client_address(self.request) or "") if self.request is not None else ""


def command_line() -> Actor:
    """Whoever runs a command of `manage.py`, by the name the machine knows them by."""
    return Actor(f"command line: {getpass.getuser()}")


_actor: ContextVar[Actor | None] = ContextVar("audit_actor", default=None)
ITSELF = Actor()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Everything recorded inside is this actor's doing."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


class Acting:
    """Notes for each request that what is done in it is done by whoever sent it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer inside."""
        with acting(Actor(request=request)):
            return self.get_response(request)


def record(
    what: str,
    row: Model | None = None,
    *,
    model: type[Model] | None = None,
    tenant: Tenant | None = None,
    changes: Mapping[str, Change] | None = None,
) -> None:
    """Add one line. `what` is an English sentence that names nobody whose data is synced; secrets never come here."""
    kind = row._meta.model if row is not None else model  # the row of a request's user is a stand-in
    actor = _actor.get() or ITSELF
    with english():
        AuditEntry(
            user_number=actor.number, who=actor.known_as[:NAME], address=actor.address[:45],
            tenant_number=tenant.pk if tenant is not None else tenant_of(row),
            model=kind._meta.label_lower if kind is not None else "", row=str(row.pk)[:64] if row is not None else "",
            row_name=_named(kind, row)[:200], what=what,
            changes={field: [_short(before), _short(after)] for field, (before, after) in (changes or {}).items()},
        ).save()  # fmt: skip


def of_row(model: type[Model], row: str) -> models.QuerySet[AuditEntry]:
    """What was done to the row with this number, newest first."""
    return AuditEntry.objects.filter(model=model._meta.label_lower, row=row).order_by("-id")


def of_tenant(tenant: Tenant) -> models.QuerySet[AuditEntry]:
    """What was done for this tenant, newest first."""
    return AuditEntry.objects.filter(tenant_number=tenant.pk).order_by("-id")


def tenant_of(row: Model | None) -> UUID | None:
    """Whose row it is: the tenant's own number, or that of what the row belongs to."""
    if row is None:
        return None
    if row._meta.label_lower == "tenants.tenant":
        return UUID(str(row.pk))
    if number := getattr(row, "tenant_id", None):
        return UUID(str(number))
    for way in ("integration", "connection", "alert"):
        owner = getattr(row, way, None)
        if isinstance(owner, Model):
            return tenant_of(owner)
    return None


def _named(kind: type[Model] | None, row: Model | None) -> str:
    if row is not None:
        return str(row)
    return str(kind._meta.verbose_name_plural) if kind is not None else ""


def _short(value: JSONValue) -> JSONValue:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = value if isinstance(value, str) else str(value)
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text
