import os

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Utf8Request(WSGIRequest):
    """UTF-8 whatever the header says: every page and every client of ours is in it.

    Python knows encodings that Django trips over. Those that are none of texts fail wherever a
    parameter is read, and some make halves of characters and NULs of plain ASCII.
    """

    encoding = property(lambda _: None, lambda *_: None)


application = get_wsgi_application()
application.request_class = Utf8Request

if not settings.REDIS_ENABLED:
    from config.celery import app
    from rediskit import local_loop

    local_loop.start(app, threads=settings.SENDERS)
