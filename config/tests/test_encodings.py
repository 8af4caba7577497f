"""Everything is read as UTF-8, whatever a request says that it is in."""

import pytest
from django.test import Client

from config.wsgi import application
from messaging import optout
from nfc.tests.factories import make_form, make_tag
from tracking.tests.factories import make_message

pytestmark = pytest.mark.django_db

# Python's own: no encodings of texts, some that know no replacement, and some in which plain ASCII
# spells halves of characters and NULs.
CHARSETS = ("rot13", "hex", "zip", "idna", "undefined", "utf-7", "unicode_escape", "utf-16")
QUERY = "?lang=%C3%B1&a=%5Cud800&b=%2B2AA-"
ODD = r"Zo\xc3\xab \ud800\x00 +2AA-"


@pytest.fixture(autouse=True)
def _requests_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test client makes requests of Django's class, the server of ours."""
    monkeypatch.setattr("django.test.client.WSGIRequest", application.request_class)


def form(**values: str) -> bytes:
    parts = (
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in values.items()
    )
    return f"{''.join(parts)}--B--\r\n".encode()


@pytest.mark.parametrize("charset", CHARSETS)
def test_no_encoding_breaks_a_page(client: Client, charset: str) -> None:
    fields = {"phone": {"required": True}, "first_name": {"required": True}}
    tag = make_tag(form=make_form(fields=fields))
    message = make_message()
    body = form(first_name=ODD, token=ODD, action=ODD, phone=ODD)
    for path in (
        tag.path, f"{tag.path}config/", f"{tag.path}submit/", f"{tag.path}visit/",
        f"/u/{optout.make_token(message.public_id)}", f"/o/{message.public_id}",
        f"/s/{message.public_id}1", "/c/unknown", f"/tracking/offer/{message.public_id}/",
        "/api/v1/nfc/tags/",
    ):  # fmt: skip
        looked = client.get(path + QUERY, CONTENT_TYPE=f"text/plain; charset={charset}")
        assert looked.status_code < 500, path
        kind = f"multipart/form-data; boundary=B; charset={charset}"
        assert client.generic("POST", path, body, content_type=kind).status_code < 500, path
