"""The WSGI application gunicorn serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import start
from integration import gc_tuning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
start.require_fit_settings()  # commands look by themselves before they run
import_module(settings.ROOT_URLCONF)  # all pages are loaded now, not when somebody asks for the first one
import_module("integration.engine.dispatch.heartbeat").serving()
gc_tuning.freeze_startup_objects()
