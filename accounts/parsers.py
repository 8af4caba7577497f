"""The parser of every JSON body."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.utils import json as strict_json


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "BODY_TOO_LARGE"
    default_detail = "The body is too large."


class BoundedJSONParser(JSONParser):
    """JSON in UTF-8 up to DATA_UPLOAD_MAX_MEMORY_SIZE, which rest_framework's does not observe."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge
        try:
            parsed: dict[str, Any] = strict_json.loads(body.decode())
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {_reason(error)}.") from error
        return parsed


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)
