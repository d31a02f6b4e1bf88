"""One input of a form on the sandbox's pages; `macros.html` draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Input:
    name: str
    label: str
    value: Any = ""
    type: str = "text"
    choices: list[tuple[Any, str]] = field(default_factory=list)
