"""How many changes of contacts one may ask for."""

from typing import Final

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from rediskit.client_address import client_address
from rediskit.ratelimits import Limit, check

WRITE: Final = Limit("contacts:write:ip", client_address)


class LimitedWrites(APIView):
    """Counts whatever is no read, once it is known who asks and that they may."""

    def check_throttles(self, request: Request) -> None:
        super().check_throttles(request)
        if request.method not in SAFE_METHODS:
            check(request, WRITE)
