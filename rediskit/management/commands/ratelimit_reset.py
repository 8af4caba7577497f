from rediskit import ratelimits
from rediskit.management.commands._limit import LimitCommand


class Command(LimitCommand):
    help = "Let somebody in again who has used up a rate limit: ratelimit_reset login:ip 192.0.2.7"

    def about(self, scope: str, value: str) -> str:
        if ratelimits.reset(scope, value):
            return f"{scope} {value}: counts from 0 again"
        return f"{scope} {value}: nothing was counted"
