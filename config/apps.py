from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # The app must exist before a web process publishes a shared task.
        from config import celery  # noqa: F401, PLC0415
