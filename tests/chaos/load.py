"""A vendor that sends events as fast as it may, remembers which were acknowledged, and tries again as vendors do."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from integration.models import Integration, WebhookEvent
from tests.chaos.plugin import Tally

NAME = re.compile(r"load-\w+")
TRIES, PAUSE = 60, 0.25  # a vendor tries for minutes; here the pauses are short


class Load:
    """Sends `person.change` events of one Pipedrive account straight to our door."""

    def __init__(self, web: str, integration: Integration, *others: str) -> None:
        endpoint = integration.left.endpoint
        self.url, *_ = urls = [f"{root}/hooks/pipedrive/{endpoint.token}/" for root in (web, *others)]
        self.turns = itertools.cycle(urls)  # several web hosts take turns, as behind a balancer
        self.auth = tuple(endpoint.secret["current"].split(":", 1))
        self.account = integration.left.external_account_id
        self.numbers = itertools.count(1)
        self.acked: set[str] = set()
        self.answers: Counter[Any] = Counter()  # status, or the name of the exception, of every single try
        self.patience = 15.0  # seconds it waits for an answer
        self._lock = threading.Lock()

    def send(self, person_ids: list[str], *, rounds: int = 1, pause: float = 0.0, tries: int = TRIES) -> None:
        """Send an event for each person, `rounds` times, over four connections. Returns when all are through."""
        wishes = [(key, next(self.numbers)) for _ in range(rounds) for key in person_ids]
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(lambda wish: self._deliver(*wish, tries, pause), wishes):
                pass

    def _deliver(self, key: str, number: int, tries: int, pause: float) -> None:
        name = f"load-{number}"
        for _ in range(tries):
            status = self._post(self.body(key, name))
            with self._lock:
                self.answers[status] += 1
                if status == 200:
                    self.acked.add(name)
                    break
            time.sleep(PAUSE)
        time.sleep(pause)

    def _post(self, body: dict[str, Any]) -> int | str:
        try:
            return requests.post(next(self.turns), json=body, auth=self.auth, timeout=self.patience).status_code
        except requests.RequestException as exc:
            return type(exc).__name__

    def body(self, key: str, name: str) -> dict[str, Any]:
        """What Pipedrive sends; the hub reads the record afresh anyway."""
        meta = {
            "action": "change", "entity": "person", "entity_id": key, "company_id": self.account, "id": name,
            "timestamp": "2026-11-21T10:00:00.000Z", "version": "2.0", "webhook_id": "1", "attempt": 1,
        }  # fmt: skip
        return {"data": {"id": int(key)}, "previous": None, "meta": meta}

    def judge(self, tally: Tally) -> None:
        """Every acknowledged event is there once, and ended as routed or ignored with its reason."""
        rows = list(
            WebhookEvent.objects.filter(dedupe_key__contains="load-").values_list("dedupe_key", "state", "reason")
        )
        stored = Counter(match[0] for key, _, _ in rows if (match := NAME.search(key)))
        tally.events += len(self.acked)
        tally.lost += len(self.acked - stored.keys())
        tally.doubled += sum(count - 1 for count in stored.values())
        tally.wrong += sum(state == "new" or (state == "ignored" and not reason) for _, state, reason in rows)
