"""The gateway that messages go out through, as the settings say."""

import functools
import os

from django.conf import settings

from messaging.gateways.base import Gateway
from messaging.gateways.mitto import MittoGateway


def gateway_name() -> str:
    return MittoGateway.name


def get_gateway() -> Gateway:
    return _gateway_of_process(os.getpid())


@functools.cache
def _gateway_of_process(_pid: int) -> Gateway:
    """One per process, for its connections and event loop must not cross a fork.

    The parent's is kept, not replaced, in the child: closing it there would take its sockets out
    of an epoll set that both share.
    """
    return MittoGateway(
        base_url=settings.MITTO_API_BASE,
        api_key=settings.MITTO_API_KEY,
        traffic_account_id=settings.MITTO_TRAFFIC_ACCOUNT_ID,
        deadline=settings.GATEWAY_CALL_DEADLINE,
    )
