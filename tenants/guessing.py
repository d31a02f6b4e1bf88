"""Wrong guesses and when they are enough: of passwords, of codes of the second factor, of invitations.

Counted for a quarter of an hour from the first one, in rows all processes share; names and addresses are kept as keyed
hashes. A stranger locks out nobody but those at the stranger's own address and network: a name alone is never locked.
Once a name has seen many misses, each place has fewer tries for it, and a right password asks for the second factor.
Who comes with a device that has signed in before is counted by that device alone. See docs/decisions/0021.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tenants import devices
from tenants.address import client_address, network, place
from tenants.models import Misses

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True)
class Door:
    """What is guessed there, and how many misses lock what."""

    key: str
    name_here: int = 8  # one name from one place, or from one known device
    name_here_crowded: int = 3  # the same once the name is crowded
    crowded: int = 30  # misses for one name from unknown devices, wherever they are
    address: int = 40  # an office behind one address mistypes, too
    network: int = 120


PASSWORD = Door("password")
CODE = Door("code", name_here=5, name_here_crowded=2)
INVITATION = Door("invitation")


@dataclass(frozen=True)
class Trial:
    """Somebody at a door. `name` is what they want to be, `device` a known one of that person's."""

    door: Door
    place: str
    network: str
    name: str = ""
    device: str = ""

    @classmethod
    def of(cls, door: Door, request: HttpRequest, name: str = "", proven: str = devices.PASSWORD) -> Trial:
        """The trial of a request. `proven` is what a device must have shown before to count as known here."""
        address = client_address(request)
        name = name.strip().casefold()
        return cls(door, place(address), network(address), name, devices.known(request, name, proven) if name else "")

    @property
    def keys(self) -> dict[str, str]:
        """Under which keys a miss is counted, by kind."""
        if self.device:
            return {"device": self._key("device", self.name, self.device)}
        found = {"address": self._key("address", self.place), "network": self._key("network", self.network)}
        if self.name:
            found |= {"name": self._key("name", self.name), "here": self._key("here", self.name, self.place)}
        return found

    def _key(self, *parts: str) -> str:
        text = "\n".join((self.door.key, *parts))
        return salted_hmac("tenants.guessing", text, algorithm="sha256").hexdigest()[:40]


def locked_until(trial: Trial) -> datetime | None:
    """When this trial may be made again; None: now."""
    rows = _rows(trial)
    here = trial.door.name_here_crowded if _is_crowded(trial, rows) else trial.door.name_here
    limits = {
        "device": trial.door.name_here,
        "here": here,
        "address": trial.door.address,
        "network": trial.door.network,
    }
    full = [row for kind, row in rows.items() if kind in limits and row.count >= limits[kind]]
    return max((row.began_at + WINDOW for row in full), default=None)


def is_crowded(trial: Trial) -> bool:
    """Whether the name has seen many misses; never for a known device."""
    return _is_crowded(trial, _rows(trial))


def miss(trial: Trial) -> None:
    """Count a wrong guess."""
    now = timezone.now()
    for key in trial.keys.values():
        if not Misses.objects.filter(key=key, began_at__gt=now - WINDOW).update(count=F("count") + 1):
            Misses.objects.update_or_create(key=key, defaults={"count": 1, "began_at": now})


def forgive(trial: Trial) -> None:
    """Forget the misses of somebody who has shown who they are, at this place or device only."""
    own = [key for kind, key in trial.keys.items() if kind in ("device", "here")]
    Misses.objects.filter(key__in=own).delete()


def outdated() -> QuerySet[Misses]:
    """Counts that count no longer."""
    return Misses.objects.filter(began_at__lt=timezone.now() - WINDOW)


def _rows(trial: Trial) -> dict[str, Misses]:
    kinds = {key: kind for kind, key in trial.keys.items()}
    rows = Misses.objects.filter(key__in=kinds, began_at__gt=timezone.now() - WINDOW)
    return {kinds[row.key]: row for row in rows}


def _is_crowded(trial: Trial, rows: dict[str, Misses]) -> bool:
    return "name" in rows and rows["name"].count >= trial.door.crowded
