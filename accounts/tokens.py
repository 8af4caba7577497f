"""The secrets handed to people: signed access tokens, and random tokens kept as hashes."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from django.conf import settings
from django.utils.crypto import salted_hmac

ALGORITHM = "HS256"


class TokenExpired(Exception):
    pass


class TokenInvalid(Exception):
    pass


@dataclass(frozen=True)
class Claims:
    user_id: int
    family: uuid.UUID


def sign_access(*, user_id: int, family: uuid.UUID, now: datetime) -> str:
    """A JWT of ACCESS_TOKEN_SECONDS; `sid` is the family of refresh tokens it came with."""
    claims = {
        "sub": str(user_id),
        "sid": family.hex,
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + timedelta(seconds=settings.ACCESS_TOKEN_SECONDS),
    }
    return jwt.encode(claims, _key(), algorithm=ALGORITHM)


def read_access(token: str) -> Claims:
    required = ["sub", "sid", "jti", "iat", "exp"]
    try:
        claims = jwt.decode(token, _key(), algorithms=[ALGORITHM], options={"require": required})
        return Claims(user_id=int(claims["sub"]), family=uuid.UUID(claims["sid"]))
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.InvalidTokenError, ValueError) as error:
        raise TokenInvalid from error


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Plain SHA-256 suffices: a secret of 256 random bits cannot be guessed from its hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key() -> bytes:
    return salted_hmac("accounts.access", "", algorithm="sha256").digest()
