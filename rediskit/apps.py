from django.apps import AppConfig


class RediskitConfig(AppConfig):
    name = "rediskit"

    def ready(self) -> None:
        from rediskit import checks  # noqa: F401, PLC0415
