"""Owners: a user of Pipedrive is the team member of Planhat with the same e-mail address."""

from __future__ import annotations

from integration.recipes.planhat_pipedrive.session import Session
from integration.recipes.shared import pipedrive_people as people


def planhat_owner(ctx: Session, user_id: str) -> dict[str, str]:
    """`owner` with Planhat's id, or nothing: an unknown owner is left unset (planhat sheet §5)."""
    if not user_id:
        return {}
    email = str(people.users(ctx, {user_id})[user_id]["email"] or "").strip().lower()
    found = _team(ctx).get(email) if email else None
    return {"owner": found} if found else {}


def _team(ctx: Session) -> dict[str, str]:
    def fetch() -> dict[str, str]:
        return {row.email.strip().lower(): row.id for row in ctx.right.get_users() if row.email}

    return dict(ctx.reference_list("right", "users", fetch))
