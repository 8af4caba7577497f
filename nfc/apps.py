from importlib import import_module

from django.apps import AppConfig


class NfcConfig(AppConfig):
    name = "nfc"
    verbose_name = "Tags and sign-ups"

    def ready(self) -> None:
        import_module("nfc.cache")
        import_module("nfc.receivers")
