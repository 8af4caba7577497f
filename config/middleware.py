from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError

GetResponse = Callable[[HttpRequest], HttpResponse]


def read_body(get_response: GetResponse) -> GetResponse:
    """Read what a refusal left unread of the request's body.

    Granian closes a connection with an unread body, at times before the client has noticed: its
    next request on the connection would fail for a reason that is none of its own.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # Read already, larger than we take, or cut off by the client: nothing to be done.
        with suppress(RawPostDataException, RequestDataTooBig, UnreadablePostError):
            _ = request.body
        return response

    return middleware
