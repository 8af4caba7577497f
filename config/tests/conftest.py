from rediskit.tests.servers import redis_server, server_processes

__all__ = ["redis_server", "server_processes"]
