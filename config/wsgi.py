"""The WSGI application gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from integration import steady

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
assert get_resolver().url_patterns  # all pages are loaded now, not when somebody asks for the first one
steady.settle()
