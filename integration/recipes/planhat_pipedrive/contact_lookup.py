"""Looking records up on both sides, for the pages that sync one record."""

from __future__ import annotations

from collections.abc import Mapping

from config.json_value import JSONValue
from integration.engine.api import Found
from integration.models import RecordLink
from integration.recipes.planhat_pipedrive.session import Session

ORGANIZATION, DEAL, PERSON = "organization_to_company", "deal_to_license", "person_to_enduser"


def search(ctx: Session, text: str) -> list[Found]:
    """Organizations, deals and people: by Pipedrive id, by e-mail address, or by a part of the name."""
    if text.isascii() and text.isdigit():
        organizations = [Found(ORGANIZATION, row.id, row.name) for row in ctx.left.get_organizations([text])]
        deals = [Found(DEAL, row.id, row.title) for row in ctx.left.get_deals([text])]
        people = [Found(PERSON, row.id, row.name, row.primary_email) for row in ctx.left.get_persons([text])]
        return [*organizations, *deals, *people]
    if "@" in text:
        return [Found(PERSON, hit.id, hit.name, hit.emails[0] if hit.emails else "") for hit in
                ctx.left.search_persons(text)]  # fmt: skip
    flows = {"organization": ORGANIZATION, "deal": DEAL, "person": PERSON}
    hits = ctx.left.search_items(text, ("organization", "deal", "person"), fields="name,title")
    return [Found(flows[hit.type], hit.id, hit.name, next(iter(hit.emails), "")) for hit in hits if hit.type in flows]


def at_target(ctx: Session, email: str, link: RecordLink | None) -> Mapping[str, JSONValue] | None:
    """What Planhat has of this person now, by attribute."""
    return ctx.right.find_enduser(email) if email else None
