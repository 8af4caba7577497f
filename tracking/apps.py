from importlib import import_module

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "Offers and links"

    def ready(self) -> None:
        import_module("tracking.receivers")
