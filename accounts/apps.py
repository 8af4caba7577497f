from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Business and people"

    def ready(self) -> None:
        import_module("accounts.cache")
