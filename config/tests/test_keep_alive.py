"""A client that keeps its connection open gets its next answer on it, whatever the last one was."""

import http.client
import json
from urllib.parse import urlsplit


def test_a_refusal_does_not_break_the_connection(live_web: str) -> None:
    address = urlsplit(live_web)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    body = json.dumps({"email": "ann@example.com", "password": "wrong"})
    statuses = []
    for _ in range(14):  # ten of an e-mail address pass
        headers = {"Content-Type": "application/json", "Host": f"localhost:{address.port}"}
        connection.request("POST", "/api/v1/auth/login/", body, headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    for _ in range(2):  # refused before the body is read
        connection.request("POST", "/webhooks/mitto/delivery/", "x" * 50_000, {"Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)

    assert len(statuses) == 16
    assert set(statuses) <= {401, 429}
