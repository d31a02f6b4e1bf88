"""Buttons that do something: first what will happen and to how many rows, then the engine, then an audit line.

Nothing here deletes. What an action does with a row is the engine's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise, english
from integration.admin.core import html
from integration.admin.core.unfold_compat import UnfoldAdmin
from integration.engine.sync.bulk_runs import Started
from integration.models import SyncRun
from tenants import audit
from tenants.access import person

LIMIT = 50_000  # rows one press may work on
CHUNK = 500
FEW = 20  # up to here rows are worked on one by one, without a run
SAMPLE = 8

M = TypeVar("M", bound=Model)
Key: TypeAlias = int | str | UUID  # a row's primary key


@dataclass(frozen=True)
class Bulk(Generic[M]):
    """One action on many rows. `run` gets a chunk of them and returns how many it took on.

    Above `few` rows `as_runs` takes all of them on as sync runs, with progress and Cancel.
    """

    title: StrOrPromise
    verb: StrOrPromise
    says: Sequence[StrOrPromise]
    run: Callable[[Sequence[M]], int]
    done: StrOrPromise
    eligible: Callable[[QuerySet[M]], QuerySet[M]] = lambda rows: rows
    none: StrOrPromise = _("None of these rows needs this.")
    danger: bool = False
    as_runs: Callable[[Sequence[M], AbstractBaseUser | None], Started] | None = None
    few: int = FEW  # 0: always as runs


def bulk(
    admin: UnfoldAdmin, request: HttpRequest, chosen: QuerySet[M], action: str, what: Bulk[M]
) -> HttpResponse | None:
    """Ask first; on the second press carry it out and write it down."""
    listed = admin.get_changelist_instance(request).get_queryset(request)
    selected, everything = _keys(what.eligible(chosen)), _keys(what.eligible(listed))
    if not selected and not everything:
        admin.message_user(request, str(what.none), messages.WARNING)
        return None
    if "confirmed" not in request.POST:
        return _ask(admin, request, action, what, selected, everything)
    keys = everything if request.POST.get("scope") == "listed" else selected
    if what.as_runs is not None and len(keys) > what.few:
        return _start_runs(admin, request, what, keys[:LIMIT])
    count = 0
    for start in range(0, min(len(keys), LIMIT), CHUNK):
        count += what.run(list(admin.model.objects.filter(pk__in=keys[start : start + CHUNK][: LIMIT - start])))
    with english():
        audit.record(f"{what.title}: {count} of {_ids(keys[:LIMIT])}", model=admin.model)
    admin.message_user(request, what.done.format(count=f"{count:,}"), messages.SUCCESS)
    return None


def _start_runs(admin: UnfoldAdmin, request: HttpRequest, what: Bulk[M], keys: Sequence[Key]) -> HttpResponse | None:
    """Hand all rows over at once; the runs' pages show how far they are."""
    assert what.as_runs is not None
    rows = [row for start in range(0, len(keys), CHUNK)
            for row in admin.model.objects.filter(pk__in=keys[start : start + CHUNK])]  # fmt: skip
    outcome = what.as_runs(rows, person(request))
    started = outcome.runs
    for said in outcome.refused:
        admin.message_user(request, said, messages.WARNING)
    if started:
        with english():
            audit.record(f"{what.title}: {len(started)} runs over {_ids(keys)}", model=admin.model)
        text = ngettext("{count} run started over {rows} rows.", "{count} runs started over {rows} rows.", len(started))
        said = text.format(count=len(started), rows=html.number(len(keys)))
        admin.message_user(request, said, messages.SUCCESS)
    elif not outcome.refused:
        admin.message_user(request, str(what.none), messages.WARNING)
    return HttpResponseRedirect(html.url_of(started[0]) if len(started) == 1 else html.url_of_list(SyncRun))


def _keys(rows: QuerySet[M]) -> list[Key]:
    return list(rows.order_by("-pk").values_list("pk", flat=True)[: LIMIT + 1])


def _ids(keys: Sequence[Key]) -> str:
    shown = ", ".join(str(key) for key in keys[:20])
    return f"{len(keys)} rows (ids {shown}{', …' if len(keys) > 20 else ''})"


def _ask(
    admin: UnfoldAdmin,
    request: HttpRequest,
    action: str,
    what: Bulk[M],
    selected: Sequence[Key],
    everything: Sequence[Key],
) -> HttpResponse:
    text = gettext("The rows I selected: {count}").format(count=html.number(len(selected)))
    offers = [("selected", text, bool(selected))]
    if len(everything) > len(selected):
        text = gettext("All rows the list shows with its filters: {count}")
        if len(everything) > LIMIT:
            text = gettext("The newest {limit} rows the list shows with its filters, of {count}")
        count = html.number(len(everything), cap=LIMIT)
        offers.append(("listed", text.format(count=count, limit=f"{LIMIT:,}"), True))
    sample = admin.model.objects.filter(pk__in=(selected or everything)[:SAMPLE]).order_by("-pk")
    hidden = [("action", action), *((ACTION_CHECKBOX_NAME, key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME))]
    return page(
        admin, request, title=what.title, says=what.says, verb=what.verb, hidden=hidden, offers=offers,
        sample=[(html.url_of(row), str(row)) for row in sample], danger=what.danger,
    )  # fmt: skip


def page(
    admin: UnfoldAdmin,
    request: HttpRequest,
    *,
    title: StrOrPromise,
    says: Sequence[StrOrPromise],
    verb: StrOrPromise,
    danger: bool = False,
    form: forms.Form | None = None,
    hidden: Sequence[tuple[str, str]] = (),
    offers: Sequence[tuple[str, str, bool]] = (),
    sample: Sequence[tuple[str, str]] = (),
    back: str = "",
) -> TemplateResponse:
    """The page that says what will happen and has the button that does it."""
    context = {
        **admin.admin_site.each_context(request),
        "title": title, "says": says, "verb": verb, "danger": danger, "form": form, "hidden": hidden,
        "offers": offers, "sample": sample, "opts": admin.opts, "action_url": request.get_full_path(),
        "back": back or request.get_full_path(),
    }  # fmt: skip
    return TemplateResponse(request, "lockstep/confirm.html", context)
