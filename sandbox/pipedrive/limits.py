"""Rate limits: daily token budget per company, burst per token, search window, and what ignoring 429 leads to."""

from __future__ import annotations

from collections import deque
from datetime import timedelta

from starlette.responses import Response

from sandbox.clock import Clock
from sandbox.http import Refused, reply
from sandbox.pipedrive.api import Actor, Endpoint
from sandbox.pipedrive.model import PLANS, UNLIMITED, Company, Usage

WINDOW_S = 2.0
SEARCHES_PER_WINDOW = 10
STUBBORN_AFTER = 30  # refused calls in a row before the edge blocks the token; assumptions/
BLOCK_S = 120.0
TOO_MANY = "<html><head><title>429 Too Many Requests</title></head><body><h1>429 Too Many Requests</h1></body></html>"
CLOUDFLARE = (
    "<!DOCTYPE html>\n<html><head><title>Access denied | pipedrive.com used Cloudflare to restrict access</title>"
    "</head><body><h1>Error 1015</h1><h2>You are being rate limited</h2></body></html>\n"
)


def charge(company: Company, actor: Actor, endpoint: Endpoint, clock: Clock) -> dict[str, str]:
    """Charge one call and return its rate headers; raises Refused with 429, or 403 once the token is blocked."""
    if company.plan == UNLIMITED and company.budget is None:
        return {}
    usage = company.usage.setdefault(actor.token, Usage())
    now = clock.seconds()
    if now < usage.blocked_until:
        raise Refused(Response(CLOUDFLARE, 403, {"server": "cloudflare"}, "text/html; charset=UTF-8"))
    _charge_day(company, usage, endpoint.cost, clock)
    if company.plan == UNLIMITED:
        return _daily_headers(company)
    limit = SEARCHES_PER_WINDOW if endpoint.search else PLANS[company.plan][2 if actor.client_id else 1]
    window = usage.searches if endpoint.search else usage.calls
    reset = _slide(window, now)
    if len(window) >= limit:
        _refuse(company, usage, now, actor, _burst_headers(limit, 0, reset) | _daily_headers(company))
    window.append(now)
    usage.refused = 0
    company.spent += endpoint.cost
    return _burst_headers(limit, limit - len(window), _slide(window, now)) | _daily_headers(company)


def _charge_day(company: Company, usage: Usage, cost: int, clock: Clock) -> None:
    today = clock.now().date().isoformat()
    if company.spent_day != today:
        company.spent_day, company.spent = today, 0
    if company.spent + cost <= company.daily_budget():
        if company.plan == UNLIMITED:
            company.spent += cost
        return
    midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    wait = int((midnight - clock.now()).total_seconds()) + 1
    headers = _burst_headers(0, 0, wait) | _daily_headers(company)
    company.spent = company.daily_budget()
    raise Refused(_over_limit(company, headers | {"x-daily-ratelimit-token-remaining": "0"}))


def _slide(window: deque[float], now: float) -> int:
    while window and window[0] <= now - WINDOW_S:
        window.popleft()
    return max(1, round(window[0] + WINDOW_S - now)) if window else int(WINDOW_S)


def _refuse(company: Company, usage: Usage, now: float, actor: Actor, headers: dict[str, str]) -> None:
    usage.refused += 1
    if usage.refused > STUBBORN_AFTER and actor.client_id is None:
        usage.blocked_until, usage.refused = now + BLOCK_S, 0
    raise Refused(_over_limit(company, headers))


def _over_limit(company: Company, headers: dict[str, str]) -> Response:
    if "pipedrive.retry_after" in company.thrown:
        headers["retry-after"] = headers["x-ratelimit-reset"]
    if "pipedrive.body_429" not in company.thrown:
        return Response(TOO_MANY, 429, headers, "text/html; charset=UTF-8")
    body = {"success": False, "error": "Request over limit", "errorCode": 429}
    return reply(body | {"error_info": "You have exceeded the rate limit"}, 429, headers)


def _burst_headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(max(remaining, 0)),
        "x-ratelimit-reset": str(reset),
    }


def _daily_headers(company: Company) -> dict[str, str]:
    budget = company.daily_budget()
    return {
        "x-daily-ratelimit-token-limit": str(budget),
        "x-daily-ratelimit-token-remaining": str(max(budget - company.spent, 0)),
    }
