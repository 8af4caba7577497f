from config.tests.browser import chromium, make_phone
from config.tests.site import installation
from rediskit.tests.servers import redis_server, server_processes

__all__ = ["chromium", "installation", "make_phone", "redis_server", "server_processes"]
