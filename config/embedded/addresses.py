"""Addresses of the same server with another database."""

from urllib.parse import urlsplit

_QUERY_NAMES = {"unix": "db", "redis+socket": "virtual_host"}


def with_database(url: str, database: str | int) -> str:
    """A Redis, Kombu or PostgreSQL address, leading to another database of the same server."""
    parts = urlsplit(url)
    name = _QUERY_NAMES.get(parts.scheme)
    if name is None:
        return parts._replace(path=f"/{database}").geturl()
    others = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] != name]
    # Not geturl(): it would write the path of an unknown scheme without its slashes.
    return f"{parts.scheme}://{parts.path}?{'&'.join([*others, f'{name}={database}'])}"
