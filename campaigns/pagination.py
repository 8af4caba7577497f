"""Messages of a campaign, in order of phone: as fast at the end as at the start."""

import re
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

# The cursor comes back from the client: a forged position must not reach the database.
_POSITION = re.compile(r"\+[0-9]{7,15}")


class ByPhone(CursorPagination):
    """`{next, previous, results}` by `cursor` and `page_size`.

    Follows the unique index (broadcast, phone); the attempts at one phone stand together.
    """

    ordering = ("phone", "broadcast_id")
    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100

    def decode_cursor(self, request: Any) -> Any:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position and not _POSITION.fullmatch(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor
