"""A client in a process of its own: asks as fast as it can and prints the statuses it got.

python hammer.py URL TIMES
"""

import http.client
import json
import secrets
import sys
from urllib.parse import urlsplit


def hammer(url: str, times: int) -> list[int]:
    """Each request claims to come from somewhere else."""
    parts = urlsplit(url)
    statuses = []
    for _ in range(times):
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        claim = ".".join(str(byte) for byte in secrets.token_bytes(4))
        headers = {"Content-Type": "application/json", "X-Forwarded-For": claim}
        connection.request("POST", parts.path, b"{}", headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status == 429 and not int(answer.headers["Retry-After"]) > 0:
            raise SystemExit("refused without a Retry-After")
        statuses.append(answer.status)
    return statuses


if __name__ == "__main__":
    sys.stdout.write(json.dumps(hammer(sys.argv[1], int(sys.argv[2]))))
