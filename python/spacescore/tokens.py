"""Tokens: who somebody is in a space, signed with HS256 (JWT, RFC 7519).

    header  {"alg": "HS256", "typ": "JWT", "kid": key}
    claims  {"iss": key, "sub": identity, "aud": "spacescore", "iat": s, "nbf": s, "exp": s,
             "space_grant": {"space": slug, "role": role, "peer": u32, "name": text,
                             "link": id of an invite link, "canPublish": false}}

The key ring holds the keys by id; the first issues, all verify, so keys rotate with overlap.
The algorithm belongs to the ring and never to the token (RFC 8725 section 3.1). A token
only opens the door: whoever is inside stays when it expires.

Other backends may issue as well, with any JWT library and a key of the ring. What theirs may
leave out: `peer` follows from `sub` then; without `role`, `roomAdmin` makes a host, `canPublish`
a speaker, `roomJoin` a listener; `room` is as good as `space`. `canPublish: false` takes the
voice from any role, and nothing else in a token gives more than its role.

A pass shows how the node does and gives nothing: a JWT with another audience, signed with another
secret of the same key, which no backend has.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import msgspec

from spacescore.admission import FIRST_PEERS
from spacescore.errors import UnauthenticatedError
from spacescore.figures import is_time
from spacescore.policy import OPERATOR, Caller, Grant, Role
from spacescore.rooms.lifetime import MAX_LIFE_SECONDS, MAX_TTL_SECONDS

__all__ = ["MAX_TOKEN_CHARS", "KeyRing", "TokenKey", "draw_peer", "new_operator_key"]

ALGORITHM = "HS256"
AUDIENCE = "spacescore"
PASS_AUDIENCE = "spacescore operations"  # noqa: S105  (no secret)
MAX_TOKEN_CHARS = 2_048  # ours have about 400
MAX_OPERATOR_KEY_CHARS = 256
MIN_OPERATOR_KEY_CHARS = 16
MAX_HEADS = 64  # every issuer writes one
SKEW_SECONDS = 30  # what well-kept clocks may differ by
_FLAGS = (
    ("roomAdmin", Role.HOST),
    ("canPublish", Role.SPEAKER),
    ("roomJoin", Role.LISTENER),
)
_BROKEN = (jwt.PyJWTError, msgspec.DecodeError, ValueError, RecursionError)
_JWS = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A signing key and the name it goes by."""

    id: str
    secret: bytes
    pass_secret: bytes = b""

    @classmethod
    def derive(cls, operator_key: str) -> "TokenKey":
        """Derive the signing key of an operator's key: who has the one has the other."""
        digest = hmac.digest(operator_key.encode(), b"spacescore token key", "sha256")
        other = hmac.digest(operator_key.encode(), b"spacescore pass key", "sha256")
        return cls(hashlib.sha256(digest).hexdigest()[:12], digest, other)


def draw_peer(*, first: bool) -> int:
    """Draw a peer id, the CSRC by which somebody is heard.

    first: one for whom a paced door opens before all others.
    """
    return secrets.randbelow(FIRST_PEERS if first else 2**32 - 1) + 1


def new_operator_key() -> str:
    """Draw a key: 32 random bytes in 43 characters that survive any shell and header."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


class KeyRing:
    """Issues and verifies tokens, and knows the operator by key.

    `operator_keys`: the first is current, the others are accepted until they are taken away.
    """

    def __init__(self, operator_keys: Iterable[str]) -> None:
        self.replace(operator_keys)

    def replace(self, operator_keys: Iterable[str]) -> None:
        """Take other keys from now on. Raises ValueError, and keeps what it had."""
        given = tuple(operator_keys)
        if not given:
            raise ValueError("a key ring needs at least one key")
        if any(len(key) < MIN_OPERATOR_KEY_CHARS for key in given):
            raise ValueError(f"an operator key has at least {MIN_OPERATOR_KEY_CHARS} characters")
        keys = [TokenKey.derive(key) for key in given]
        self._operator_keys = given
        self._issuing = keys[0]
        self._keys = {key.id: key for key in keys}
        self._heads: dict[str, TokenKey] = {}  # of tokens that have verified, as they are written

    @classmethod
    def ephemeral(cls) -> "KeyRing":
        """Return a ring that dies with the process."""
        return cls([new_operator_key()])

    def issue(self, grant: Grant, *, now: float) -> str:
        """Sign `grant`, valid from `now` (Unix seconds) until `grant.expires`."""
        ttl = grant.expires - now
        if not 0 < ttl <= MAX_LIFE_SECONDS:
            raise ValueError(f"a token lives 1 to {MAX_LIFE_SECONDS} seconds, not {ttl:.0f}")
        granted = {
            "space": grant.space,
            "role": str(grant.role),
            "peer": grant.peer,
            "name": grant.name,
        }
        if grant.link:
            granted["link"] = grant.link
        if not grant.can_publish:
            granted["canPublish"] = False
        claims = {
            "iss": self._issuing.id,
            "sub": grant.identity or f"{grant.space}/{grant.peer}",
            "aud": AUDIENCE,
            "iat": now,
            "nbf": int(now),
            "exp": grant.expires,
            "space_grant": granted,
        }
        headers = {"kid": self._issuing.id}
        return jwt.encode(claims, self._issuing.secret, algorithm=ALGORITHM, headers=headers)

    def issue_pass(self, *, now: float, ttl: int) -> str:
        """Sign a pass that is valid for `ttl` seconds."""
        if not 0 < ttl <= MAX_TTL_SECONDS:
            raise ValueError(f"a pass lives 1 to {MAX_TTL_SECONDS} seconds, not {ttl}")
        key = self._issuing
        claims = {"iss": key.id, "aud": PASS_AUDIENCE, "nbf": int(now), "exp": int(now) + ttl}
        return jwt.encode(claims, key.pass_secret, algorithm=ALGORITHM, headers={"kid": key.id})

    def is_pass(self, token: str, *, now: float) -> bool:
        """Whether it is a pass of ours. Raises UnauthenticatedError for one that has expired."""
        if len(token) > MAX_TOKEN_CHARS:
            return False
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                return False
            claims = _claims(token, key.pass_secret)
        except _BROKEN:
            return False
        if claims.get("iss") != key.id or claims.get("aud") != PASS_AUDIENCE:
            return False
        _require_time(claims, now)
        return True

    def verify(self, token: str, *, now: float) -> Grant:
        """Return what `token` grants. Raises UnauthenticatedError, saying why."""
        if len(token) > MAX_TOKEN_CHARS:
            raise UnauthenticatedError("The token is too long.")
        try:
            head = token.partition(".")[0]
            key = self._heads.get(head) or self._key(token)
            claims = _claims(token, key.secret)
        except _BROKEN:
            raise UnauthenticatedError("The token does not verify.") from None
        if len(self._heads) < MAX_HEADS:
            self._heads[head] = key
        if claims.get("iss") != key.id:
            raise UnauthenticatedError("The token names another issuer than its key.")
        audience = claims.get("aud", AUDIENCE)
        if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
            raise UnauthenticatedError("The token is for another service.")
        _require_time(claims, now)
        return _grant(claims)

    def _key(self, token: str) -> TokenKey:
        """Return the key that a token names; to read its head takes a third of all."""
        key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise UnauthenticatedError("The token was signed with a key unknown here.")
        return key

    def identify(self, bearer: str | None, *, now: float) -> Caller:
        """Return who comes with this bearer token: nobody, the operator, or a grant."""
        if bearer is None:
            return None
        if len(bearer) <= MAX_OPERATOR_KEY_CHARS:
            given = bearer.encode()
            if any(hmac.compare_digest(given, key.encode()) for key in self._operator_keys):
                return OPERATOR
        return self.verify(bearer, now=now)


def _claims(token: str, secret: bytes) -> dict[str, Any]:
    """Return what a signed token says. Raises one of `_BROKEN`.

    PyJWT checks the signature; what is claimed is checked by who asks: there time is an argument.
    """
    payload = _JWS.decode(token, secret, algorithms=[ALGORITHM])
    return msgspec.json.decode(payload, type=dict[str, Any])


def _require_time(claims: Mapping[str, Any], now: float) -> None:
    """Check `exp` and `nbf` (RFC 7519 section 4.1); both are required here."""
    for name in ("exp", "nbf"):
        if type(claims.get(name)) is not int or not is_time(claims[name]):
            raise UnauthenticatedError(f"The token has no {name}.")
    if now >= claims["exp"] + SKEW_SECONDS:
        raise UnauthenticatedError("The token has expired.")
    if now < claims["nbf"] - SKEW_SECONDS:
        raise UnauthenticatedError("The token is not valid yet.")


def _grant(claims: Mapping[str, Any]) -> Grant:
    match claims.get("space_grant"), claims.get("sub", ""):
        case dict() as granted, str(identity):
            role = _role(granted)
            space = granted.get("space", granted.get("room"))
            name = granted.get("name", claims.get("name"))
            peer = granted.get("peer", _number(identity))
            link = granted.get("link", "")
            texts = isinstance(space, str) and isinstance(name, str) and isinstance(link, str)
            if texts and role and type(peer) is int and 0 < peer < 2**32:
                space, name = str(space), str(name)
                return Grant(
                    space,
                    role,
                    peer,
                    name,
                    claims["exp"],
                    identity="" if identity == f"{space}/{peer}" else identity,
                    link=link,
                    can_publish=granted.get("canPublish", True) is True,
                    issued=_issued(claims),
                )
    raise UnauthenticatedError("The token grants nothing that is known here.")


def _role(granted: Mapping[str, Any]) -> Role | None:
    """Return the role that is named, or the one that the flags amount to."""
    if "role" in granted:
        named = granted["role"]
        return Role(named) if isinstance(named, str) and named in frozenset(Role) else None
    for flag, role in _FLAGS:
        if granted.get(flag) is True:
            return role
    return None


def _number(identity: str) -> int:
    """Return the peer id of somebody whose issuer gave none: always the same."""
    number = int.from_bytes(hashlib.sha256(identity.encode("utf-8", "replace")).digest()[:4])
    return number if identity else 0


def _issued(claims: Mapping[str, Any]) -> float:
    """Return when a token was issued; not later than it says that it began."""
    issued = claims.get("iat", claims["nbf"])
    if not is_time(issued):
        raise UnauthenticatedError("The token has a time of issue that is none.")
    return float(issued)
