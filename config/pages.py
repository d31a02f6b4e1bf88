"""What a page's template is given."""

from __future__ import annotations

from typing import Any, TypeAlias

PageContext: TypeAlias = dict[str, Any]  # Django's own pages set no bounds either
