from config.tests.site import installation
from rediskit.tests.servers import redis_server, server_processes

__all__ = ["installation", "redis_server", "server_processes"]
