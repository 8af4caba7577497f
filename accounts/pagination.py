"""Two ways through a list: pages for small sets, a cursor for those that grow without end."""

import re
from typing import Any

from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import CursorPagination, PageNumberPagination

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
