"""Two ways through a list: pages for small sets, a cursor for those that grow without end."""

import re
from contextlib import suppress
from typing import Any

import orjson
from django.core.paginator import Paginator
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.request import Request

from accounts.cached_answers import render

# The cursor comes back from the client: a forged position must not reach the database.
_POSITION = re.compile(r"[0-9]{1,19}")
_PAGE_SIZE = re.compile(r"[1-9][0-9]{0,8}")


class Pages(PageNumberPagination):
    """`{count, next, previous, results}` by `page` and `page_size`."""

    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_page_size(self, request: Any) -> int | None:
        check_page_size(request)
        return super().get_page_size(request)

    def get_place(self, request: Request) -> tuple[int | str, int]:
        """Number (or "last") and size of the page, however they are spelled: for a cache key."""
        number = request.query_params.get(self.page_query_param) or 1
        with suppress(ValueError):
            number = int(number)
        return number, self.get_page_size(request) or self.max_page_size

    def render_page(self, results: Any) -> bytes:
        """`{count, results}`, to be cached: the links belong to the request."""
        assert self.page is not None
        return render({"count": self.page.paginator.count, "results": results})

    def add_links(self, page: bytes, request: Request) -> bytes:
        """The answer to this request, of what `render_page` gave for the same page."""
        count, _, results = page.partition(b",")
        paginator = Paginator(range(int(count.rpartition(b":")[2])), self.get_place(request)[1])
        self.request = request
        self.page = paginator.page(self.get_page_number(request, paginator))
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        return b"%s,%s,%s" % (count, orjson.dumps(links)[1:-1], results)


class NewestFirst(CursorPagination):
    """`{next, previous, results}` by `cursor` and `page_size`, in descending order of id."""

    ordering = "-id"
    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_page_size(self, request: Any) -> int | None:
        check_page_size(request)
        return super().get_page_size(request)

    def decode_cursor(self, request: Any) -> Any:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position and not _POSITION.fullmatch(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor


def check_page_size(request: Any) -> None:
    """Refuse what rest_framework would silently replace by the default."""
    raw = request.query_params.get("page_size")
    if raw is not None and not _PAGE_SIZE.fullmatch(raw):
        message = ErrorDetail("A page size is a whole number from 1 to 100.", code="INVALID")
        raise ValidationError({"page_size": [message]})
