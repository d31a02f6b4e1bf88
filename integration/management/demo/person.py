"""A person with a browser in a story: through a vendor's consent page into the portal, and pressing its buttons."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from integration.management.demo.stage import NotSeen

TIMEOUT = 20


class Browser:
    """Keeps its cookies, follows redirects, reads the forms of pages."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.session = requests.Session()

    def log_in(self, vendor: str, *, account: str, **query: str) -> str:
        """Choose “Log in with …”, say yes on the consent page, and return the page one lands on."""
        consent = self.session.get(f"{self.home}/install/{vendor}/", params=query, timeout=TIMEOUT)
        asked = dict(parse_qsl(urlsplit(consent.url).query))
        form = {**asked, "account": account, "decision": "allow"}
        landed = self.session.post(consent.url.partition("?")[0], data=form, timeout=TIMEOUT)
        if landed.status_code != 200 or not landed.url.startswith(self.home):
            raise NotSeen(f"the login ended at {landed.url} with {landed.status_code}")
        return landed.text

    def press(self, page: str, name: str, value: str, **fields: str) -> str:
        """Press a button of the form on this page that has all of these fields; returns what is shown then."""
        for action, inner in re.findall(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page, flags=re.DOTALL):
            hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', inner))
            if f'name="{name}"' in inner and all(f'name="{key}"' in inner for key in fields):
                if all(hidden.get(key) in (None, wanted) for key, wanted in fields.items()):
                    form = {**hidden, **fields, name: value}
                    headers = {"Referer": self.home}
                    url = urljoin(self.home, action)
                    return self.session.post(url, data=form, headers=headers, timeout=TIMEOUT).text
        raise NotSeen(f"the page has no button {name}={value}")
