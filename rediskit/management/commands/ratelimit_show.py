from rediskit import ratelimits
from rediskit.management.commands._limit import LimitCommand


class Command(LimitCommand):
    help = "Show how far a rate limit is used up: ratelimit_show login:email ann@example.com"

    def about(self, scope: str, value: str) -> str:
        usage = ratelimits.look_up(scope, value)
        state = f"{usage.count} of {usage.limit} counted"
        if not usage.count:
            return f"{scope} {value}: nothing counted\n  key {usage.key}"
        if usage.count >= usage.limit:
            state += f", refused for {usage.resets_in} s"
        else:
            state += f", {usage.limit - usage.count} left, anew in {usage.resets_in} s"
        return f"{scope} {value}: {state}\n  key {usage.key}"
