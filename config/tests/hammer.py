"""A client in a process of its own: asks as fast as it can and prints the statuses it got.

python hammer.py TIMES URL BODY HEADERS (JSON). Says that it is ready, and begins when it is told to
by a line. SOMEBODY in URL or body is another one each time.
The header `method`, if there is one, is the method instead of POST.
"""

import http.client
import json
import secrets
import sys
from urllib.parse import urlsplit


def ask(url: str, body: str, headers: dict[str, str]) -> int:
    """The request claims to come from somewhere else."""
    somebody = secrets.token_hex(8)
    parts = urlsplit(url.replace("SOMEBODY", somebody))
    claim = {"X-Forwarded-For": ".".join(str(byte) for byte in secrets.token_bytes(4))}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    content = body.replace("SOMEBODY", somebody).encode()
    method = headers.get("method", "POST")
    connection.request(method, parts.path, content, headers | claim)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status == 429 and not int(answer.headers["Retry-After"]) > 0:
        raise SystemExit("refused without a Retry-After")
    return answer.status


if __name__ == "__main__":
    times, url, body, headers = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    statuses = [ask(url, body, json.loads(headers)) for _ in range(int(times))]
    sys.stdout.write(json.dumps(statuses))
