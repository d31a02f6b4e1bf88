"""Who is calling: API token header, the old query token on v1, or an OAuth access token; and the scope gate."""

from __future__ import annotations

from sandbox.http import Incoming, Refused, reply
from sandbox.pipedrive.api import ALL, Actor, Endpoint, refuse, unauthorized
from sandbox.pipedrive.model import Company, World


def authenticate(world: World, company: Company, incoming: Incoming, version: str, now: float) -> Actor:
    """Return the caller; raises Refused (400 malformed header, 401 anything else)."""
    header = incoming.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            refuse(400, "Bad request", info="Malformed authorization header")
        return _by_access_token(world, company, token.strip(), now)
    api_token = incoming.headers.get("x-api-token")
    if api_token is None and version == "v1":
        api_token = incoming.query.get("api_token")
    user = company.user_by_token(api_token or "")
    if user is None or not api_token:
        unauthorized()
    return Actor(user, api_token, scopes=company.token_scopes or frozenset())


def _by_access_token(world: World, company: Company, token: str, now: float) -> Actor:
    found = world.grant_by_access(token)
    if found is None or found[1] <= now or found[0].company != company.domain:
        unauthorized()
    grant = found[0]
    user = company.users.get(grant.user_id)
    if user is None or not user.active:
        unauthorized()
    return Actor(user, token, grant.client_id, frozenset(grant.scopes))


def check_scope(actor: Actor, endpoint: Endpoint) -> None:
    """An app needs one of the endpoint's scopes; an admin endpoint needs an admin user in any case."""
    is_limited = actor.client_id is not None or actor.scopes
    if is_limited and ALL not in endpoint.scopes and not actor.scopes & set(endpoint.scopes):
        raise Refused(reply({"success": False, "error": "Scope and URL mismatch"}, 403))
    if endpoint.admin and not actor.user.is_admin:
        refuse(403, "Forbidden", info="You need to be an admin user")
