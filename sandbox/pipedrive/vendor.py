"""What the Pipedrive folder offers to the sandbox."""

from __future__ import annotations

from sandbox.gate import Vendor
from sandbox.http import Incoming, Record
from sandbox.pipedrive import control, oauth, server, web
from sandbox.state import Sandbox


def switches(sandbox: Sandbox, account: str, wish: Record) -> None:
    companies = [sandbox.pipedrive.companies[account]] if account else list(sandbox.pipedrive.companies.values())
    for company in companies:
        if "daily_budget_left" in wish:
            company.budget = company.spent + int(wish["daily_budget_left"])
        if wish.get("expire_tokens"):
            for grant in sandbox.pipedrive.grants:
                if grant.company == company.domain:
                    grant.access_tokens.update(dict.fromkeys(grant.access_tokens, 0.0))


def account_of(sandbox: Sandbox, incoming: Incoming) -> str:
    return server.account_of(incoming)


VENDOR = Vendor("pipedrive", account_of, server.answer, control.ROUTES, switches, web.PAGES)
OAUTH = Vendor("pipedrive-oauth", lambda sandbox, incoming: "", oauth.answer)
