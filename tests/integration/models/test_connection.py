"""What a connection says of its health."""

from __future__ import annotations

from integration.models import Connection


def test_tenants_read_the_first_line_only():
    connection = Connection(health_detail="The key was refused.\nGET /ping answered 401 with WWW-Authenticate.")

    assert connection.health_said == "The key was refused."
    assert Connection(health_detail="").health_said == ""
