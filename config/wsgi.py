import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

if not settings.REDIS_ENABLED:
    from config.celery import app
    from rediskit import local_loop

    local_loop.start(app, threads=settings.SENDERS)
