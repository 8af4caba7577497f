"""The background work of accounts."""

from celery import shared_task

from accounts.services import cleanup, passwords


@shared_task(ignore_result=True)
def send_password_reset(email: str) -> None:
    passwords.send_password_reset(email=email)


@shared_task(ignore_result=True)
def forget_expired() -> None:
    cleanup.forget_expired()
