"""What is done, exempt or still to do, by vendor and by recipe. It shows the quality files and no row of a tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.admin.core import html
from integration.quality import RULES, Answer, Quality, Rule, Status, of_recipes, of_vendors

BADGES: Mapping[Status, html.Badge] = {
    Status.DONE: html.Badge(html.GREEN, "check_circle", _("Done")),
    Status.EXEMPT: html.Badge(html.GREY, "remove", _("Exempt")),
    Status.TODO: html.Badge(html.AMBER, "pending", _("To do")),
}
HEADERS = (_("Answer"), _("Asked, and proof or reason"))
RULES_BY_KEY: Mapping[str, Rule] = {rule.key: rule for rule in RULES}


def overview(request: HttpRequest) -> HttpResponse:
    """Show each vendor and each recipe with its counts. Every member of the staff may look."""
    context = {
        **admin.site.each_context(request), "title": gettext("Quality"),
        "tables": [(gettext("Vendors"), _counts(of_vendors())), (gettext("Recipes"), _counts(of_recipes()))],
    }  # fmt: skip
    return TemplateResponse(request, "lockstep/quality.html", context)


def answers(request: HttpRequest, key: str) -> HttpResponse:
    """Show the answers of one vendor or recipe, what is still to do first."""
    found = next((row for row in (*of_vendors(), *of_recipes()) if row.key == key), None)
    if found is None:
        raise Http404
    todo_first = sorted(found.answers, key=lambda answer: answer.status != Status.TODO)
    context = {
        **admin.site.each_context(request), "title": gettext("Quality of {found}").format(found=found.label),
        "tables": [("", html.table(HEADERS, [_line(row) for row in todo_first]))],
        "back": reverse("console-quality"),
    }  # fmt: skip
    return TemplateResponse(request, "lockstep/quality.html", context)


def _counts(rows: Sequence[Quality]) -> html.Html:
    headers = (gettext("Name"), *(BADGES[status].word for status in Status))
    return html.table(headers, [(_link(row), *(row.count(status) for status in Status)) for row in rows])


def _link(row: Quality) -> html.Html:
    return format_html(
        '<a class="text-link" href="{}">{}</a>', reverse("console-quality-of", args=[row.key]), row.label
    )


def _line(answer: Answer) -> tuple[html.Badge, html.Html]:
    return BADGES[answer.status], format_html("{}<div>{}</div>", _asked(answer), _reason(answer))


def _asked(answer: Answer) -> html.Html:
    rule = RULES_BY_KEY.get(answer.asked)
    if rule is None:
        return format_html("<strong>{}</strong>", answer.asked)
    return format_html('<strong>{}</strong><div class="ls-quiet">{}</div>', rule.title, rule.sentence)


def _reason(answer: Answer) -> html.Html:
    if answer.status == Status.DONE:
        return format_html('<code class="ls-code">{}</code>', answer.text)
    if not answer.source:
        return answer.text
    return format_html('{} <span class="ls-quiet">Source: {}</span>', answer.text, answer.source)
