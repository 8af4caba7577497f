from django.apps import AppConfig


class RediskitConfig(AppConfig):
    name = "rediskit"
