"""Tokens: who somebody is in a space, signed with HS256 (JWT, RFC 7519).

    header  {"alg": "HS256", "typ": "JWT", "kid": key}
    claims  {"iss": key, "sub": identity, "nbf": s, "exp": s,
             "space_grant": {"space": slug, "role": role, "peer": u32, "name": text}}

The key ring holds the keys by id; the first issues, all verify, so keys rotate with overlap.
The algorithm belongs to the ring and never to the token (RFC 8725 section 3.1). A token
only opens the door: whoever is inside stays when it expires.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options

from spacescore.errors import UnauthenticatedError
from spacescore.policy import OPERATOR, Caller, Grant, Role

__all__ = ["MAX_TOKEN_CHARS", "KeyRing", "TokenKey", "new_operator_key"]

ALGORITHM = "HS256"
MAX_TOKEN_CHARS = 2_048  # ours have about 400
MAX_OPERATOR_KEY_CHARS = 256
MIN_OPERATOR_KEY_CHARS = 16
SKEW_SECONDS = 30  # what well-kept clocks may differ by
MAX_TTL_SECONDS = 30 * 86_400
# PyJWT reads the clock for these; here time is an argument, so they are checked below.
_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A signing key and the name it goes by."""

    id: str
    secret: bytes

    @classmethod
    def derive(cls, operator_key: str) -> "TokenKey":
        """Derive the signing key of an operator's key: who has the one has the other."""
        digest = hmac.digest(operator_key.encode(), b"spacescore token key", "sha256")
        return cls(hashlib.sha256(digest).hexdigest()[:12], digest)


def new_operator_key() -> str:
    """Draw a key: 32 random bytes in 43 characters that survive any shell and header."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


class KeyRing:
    """Issues and verifies tokens, and knows the operator by key.

    `operator_keys`: the first is current, the others are accepted until they are taken away.
    """

    def __init__(self, operator_keys: Iterable[str]) -> None:
        self._operator_keys = tuple(operator_keys)
        if not self._operator_keys:
            raise ValueError("a key ring needs at least one key")
        if any(len(key) < MIN_OPERATOR_KEY_CHARS for key in self._operator_keys):
            raise ValueError(f"an operator key has at least {MIN_OPERATOR_KEY_CHARS} characters")
        keys = [TokenKey.derive(key) for key in self._operator_keys]
        self._issuing = keys[0]
        self._keys = {key.id: key for key in keys}

    @classmethod
    def ephemeral(cls) -> "KeyRing":
        """Return a ring that dies with the process."""
        return cls([new_operator_key()])

    def issue(self, grant: Grant, *, now: float) -> str:
        """Sign `grant`, valid from `now` (Unix seconds) until `grant.expires`."""
        ttl = grant.expires - now
        if not 0 < ttl <= MAX_TTL_SECONDS:
            raise ValueError(f"a token lives 1 to {MAX_TTL_SECONDS} seconds, not {ttl:.0f}")
        claims = {
            "iss": self._issuing.id,
            "sub": f"{grant.space}/{grant.peer}",
            "nbf": int(now),
            "exp": grant.expires,
            "space_grant": {
                "space": grant.space,
                "role": str(grant.role),
                "peer": grant.peer,
                "name": grant.name,
            },
        }
        headers = {"kid": self._issuing.id}
        return jwt.encode(claims, self._issuing.secret, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, *, now: float) -> Grant:
        """Return what `token` grants. Raises UnauthenticatedError, saying why."""
        if len(token) > MAX_TOKEN_CHARS:
            raise UnauthenticatedError("The token is too long.")
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise UnauthenticatedError("The token was signed with a key unknown here.")
            claims = jwt.decode(token, key.secret, algorithms=[ALGORITHM], options=_UNCHECKED)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise UnauthenticatedError("The token does not verify.") from None
        if claims.get("iss") != key.id:
            raise UnauthenticatedError("The token names another issuer than its key.")
        _require_time(claims, now)
        return _grant(claims)

    def identify(self, bearer: str | None, *, now: float) -> Caller:
        """Return who comes with this bearer token: nobody, the operator, or a grant."""
        if bearer is None:
            return None
        if len(bearer) <= MAX_OPERATOR_KEY_CHARS:
            given = bearer.encode()
            if any(hmac.compare_digest(given, key.encode()) for key in self._operator_keys):
                return OPERATOR
        return self.verify(bearer, now=now)


def _require_time(claims: Mapping[str, Any], now: float) -> None:
    """Check `exp` and `nbf` (RFC 7519 section 4.1); both are required here."""
    for name in ("exp", "nbf"):
        if type(claims.get(name)) is not int:
            raise UnauthenticatedError(f"The token has no {name}.")
    if now >= claims["exp"] + SKEW_SECONDS:
        raise UnauthenticatedError("The token has expired.")
    if now < claims["nbf"] - SKEW_SECONDS:
        raise UnauthenticatedError("The token is not valid yet.")


def _grant(claims: Mapping[str, Any]) -> Grant:
    match claims.get("space_grant"):
        case {"space": str(space), "role": str(role), "peer": int(peer), "name": str(name)} if (
            role in frozenset(Role) and 0 < peer < 2**32
        ):
            return Grant(space, Role(role), peer, name, claims["exp"])
    raise UnauthenticatedError("The token grants nothing that is known here.")
