"""Sessions in our own table, so that each one says whose it is. The rest is Django's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from tenants.models import Session


class SessionStore(DatabaseStore):
    """Django's store of rows, with the owner beside the data. `row` is what was read, None while nothing was."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        return Session

    def _get_session_from_db(self) -> Session | None:
        self.row = super()._get_session_from_db()  # type: ignore[misc]  # not among the stubs
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """With the owner, once somebody has signed in."""
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = data.get(SESSION_KEY)
        return row
