"""Tokens, and every known way to forge one."""

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from spacescore.errors import UnauthenticatedError
from spacescore.policy import OPERATOR, Grant, Role
from spacescore.rooms.lifetime import MAX_LIFE_SECONDS
from spacescore.tokens import (
    MAX_TOKEN_CHARS,
    SKEW_SECONDS,
    KeyRing,
    TokenKey,
    new_operator_key,
)

NOW = 1_800_000_000
OLD, NEW = "an operator's first key", "an operator's second key"
GRANT = Grant("demo", Role.SPEAKER, 7, "Ada", NOW + 3600)
KEY = TokenKey.derive(OLD)


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing([OLD])


def claims(**changes: object) -> dict[str, object]:
    grant = {"space": "demo", "role": "speaker", "peer": 7, "name": "Ada"}
    whole = {"iss": KEY.id, "sub": "demo/7", "nbf": NOW, "exp": NOW + 3600, "space_grant": grant}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(payload: dict[str, object], **header: object) -> str:
    """Sign by hand, so that nothing stands between the forger and the header."""
    fields = {"alg": "HS256", "typ": "JWT", "kid": KEY.id} | header
    parts = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (fields, payload)
    ]
    text = b".".join(parts)
    mac = hmac.digest(KEY.secret, text, "sha256")
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def refused(ring: KeyRing, token: str, now: float = NOW) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        ring.verify(token, now=now)
    return str(caught.value)


def test_what_is_issued_verifies(ring):
    assert ring.verify(ring.issue(GRANT, now=NOW), now=NOW) == GRANT


def test_a_name_in_any_script_survives(ring):
    grant = Grant("demo", Role.HOST, 2**32 - 1, 'Жанна 👩‍🚀 "<b>', NOW + 60)
    assert ring.verify(ring.issue(grant, now=NOW), now=NOW) == grant


def test_a_token_signed_by_hand_in_the_right_way_verifies(ring):
    assert ring.verify(signed(claims()), now=NOW) == GRANT


@pytest.mark.parametrize("ttl", [0, -1, MAX_LIFE_SECONDS + 1])
def test_a_token_of_an_odd_lifetime_is_not_issued(ring, ttl):
    with pytest.raises(ValueError, match="lives"):
        ring.issue(Grant("demo", Role.SPEAKER, 7, "Ada", NOW + ttl), now=NOW)


def test_clocks_may_differ_by_the_skew_and_no_more(ring):
    token = ring.issue(GRANT, now=NOW)
    ring.verify(token, now=NOW - SKEW_SECONDS)
    ring.verify(token, now=GRANT.expires + SKEW_SECONDS - 1)
    assert "not valid yet" in refused(ring, token, NOW - SKEW_SECONDS - 1)
    assert "expired" in refused(ring, token, GRANT.expires + SKEW_SECONDS)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", ""])
def test_the_algorithm_is_ours_to_choose(ring, alg):
    refused(ring, signed(claims(), alg=alg))


@pytest.mark.parametrize("alg", [None, 5, ["HS256"], {}])
def test_an_algorithm_that_is_no_text_is_refused(ring, alg):
    refused(ring, signed(claims(), alg=alg))


def test_an_unsigned_token_is_refused(ring):
    refused(ring, jwt.encode(claims(), None, algorithm="none", headers={"kid": KEY.id}))
    refused(ring, signed(claims()).rpartition(".")[0] + ".")
    refused(ring, signed(claims()).rpartition(".")[0])


def test_a_public_key_is_no_secret(ring):
    """RS256 confused with HS256: signed with a private key, under our key's name."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = pair.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    refused(ring, jwt.encode(claims(), pem, algorithm="RS256", headers={"kid": KEY.id}))


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "x",
        "../../etc/passwd",
        "' OR 1=1 --",
        "\x00",
        KEY.id.upper(),
        KEY.id + " ",
        0,
        None,
        [],
        {},
    ],
)
def test_a_key_that_is_not_ours_opens_nothing(ring, kid):
    refused(ring, signed(claims(), kid=kid))


def test_a_token_without_key_id_is_refused(ring):
    refused(ring, jwt.encode(claims(), KEY.secret, algorithm="HS256"))


def test_the_issuer_is_the_key(ring):
    refused(ring, signed(claims(iss="somebody")))
    refused(ring, signed(claims(iss=None)))


@pytest.mark.parametrize("claim", ["exp", "nbf"])
@pytest.mark.parametrize("value", [None, "soon", 1.5, True, [], str(NOW), 10**400, -1])
def test_times_are_required_and_whole_seconds(ring, claim, value):
    refused(ring, signed(claims(**{claim: value})))


@pytest.mark.parametrize(
    "grant",
    [
        None,
        "demo",
        [],
        {},
        {"space": "demo", "role": "speaker", "peer": 7},
        {"space": 1, "role": "speaker", "peer": 7, "name": "Ada"},
        {"space": "demo", "role": "root", "peer": 7, "name": "Ada"},
        {"space": "demo", "role": ["host"], "peer": 7, "name": "Ada"},
        {"space": "demo", "role": "speaker", "peer": "7", "name": "Ada"},
        {"space": "demo", "role": "speaker", "peer": 0, "name": "Ada"},
        {"space": "demo", "role": "speaker", "peer": -7, "name": "Ada"},
        {"space": "demo", "role": "speaker", "peer": 2**32, "name": "Ada"},
        {"space": "demo", "role": "speaker", "peer": 7, "name": None},
    ],
)
def test_a_grant_of_another_shape_grants_nothing(ring, grant):
    assert "grants nothing" in refused(ring, signed(claims(space_grant=grant)))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "é.é.é", "\udc80", "e30.e30.e30", "null", " " * 20]
)
def test_junk_is_refused(ring, token):
    refused(ring, token)


def test_a_token_that_is_too_long_is_not_looked_at(ring):
    assert "too long" in refused(ring, signed(claims(more="x" * MAX_TOKEN_CHARS)))


def test_every_changed_character_of_a_token_is_noticed(ring):
    token = ring.issue(GRANT, now=NOW)
    for place, character in enumerate(token[:-1]):  # the last holds two bits of padding
        other = "A" if character != "A" else "B"
        refused(ring, token[:place] + other + token[place + 1 :])


def test_keys_rotate_with_overlap():
    before, during, after = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
    old, new = before.issue(GRANT, now=NOW), during.issue(GRANT, now=NOW)
    assert during.verify(old, now=NOW) == during.verify(new, now=NOW) == GRANT
    assert after.verify(new, now=NOW) == GRANT
    refused(after, old)
    refused(before, new)


def test_a_bearer_is_nobody_the_operator_or_a_grant(ring):
    assert ring.identify(None, now=NOW) is None
    assert ring.identify(OLD, now=NOW) is OPERATOR
    assert ring.identify(ring.issue(GRANT, now=NOW), now=NOW) == GRANT
    with pytest.raises(UnauthenticatedError):
        ring.identify(OLD[:-1], now=NOW)


def test_the_signing_key_does_not_show_the_operators():
    assert OLD.encode() not in KEY.secret
    assert KEY.id == hashlib.sha256(KEY.secret).hexdigest()[:12]


def test_operator_keys_are_long_and_never_the_same():
    assert len({new_operator_key() for _ in range(100)}) == 100
    assert len(new_operator_key()) == 43
    with pytest.raises(ValueError, match="16"):
        KeyRing(["short"])
    with pytest.raises(ValueError, match="at least one"):
        KeyRing([])


# Tokens of other backends.


def test_an_identity_a_link_and_a_closed_mouth_survive(ring):
    grant = Grant("demo", Role.COHOST, 7, "Ada", NOW + 60, "ada@example.org", "l1", False)
    read = ring.verify(ring.issue(grant, now=NOW + 0.25), now=NOW + 1)
    assert read == grant
    assert read.issued == NOW + 0.25
    assert read.who == "ada@example.org"


@pytest.mark.parametrize("audience", ["livekit", ["other"], [], None, 5, {"spacescore": 1}, ""])
def test_a_token_for_another_service_is_refused(ring, audience):
    payload = claims() | {"aud": audience}
    assert "another service" in refused(ring, signed(payload))


def test_a_token_for_several_services_is_ours_too(ring):
    assert ring.verify(signed(claims(aud=["other", "spacescore"])), now=NOW) == GRANT


@pytest.mark.parametrize(
    ("flags", "role"),
    [
        ({"roomAdmin": True, "canPublish": True}, Role.HOST),
        ({"roomJoin": True, "canPublish": True}, Role.SPEAKER),
        ({"roomJoin": True, "canPublish": False}, Role.LISTENER),
        ({"role": "listener", "roomAdmin": True, "canPublish": True}, Role.LISTENER),
    ],
)
def test_flags_make_a_role_where_none_is_named(ring, flags, role):
    payload = claims(sub="ada", name="Ada", space_grant={"room": "demo", **flags})
    first = ring.verify(signed(payload), now=NOW)
    assert (first.space, first.role, first.name, first.who) == ("demo", role, "Ada", "ada")
    assert ring.verify(signed(payload), now=NOW).peer == first.peer > 0
    assert first.can_publish is (flags.get("canPublish", True))


@pytest.mark.parametrize(
    "granted",
    [
        {"room": "demo"},
        {"room": "demo", "roomAdmin": "yes"},
        {"room": "demo", "roomAdmin": 1},
        {"room": "demo", "role": "king", "roomAdmin": True},
        {"room": "demo", "role": None, "roomAdmin": True},
        {"room": "demo", "roomJoin": True, "peer": True},
        {"room": "demo", "roomJoin": True, "link": 5},
    ],
)
def test_flags_that_are_none_grant_nothing(ring, granted):
    payload = claims(sub="ada", name="Ada", space_grant=granted)
    assert "grants nothing" in refused(ring, signed(payload))


def test_without_a_number_and_without_a_name_of_ones_own_nobody_comes_in(ring):
    granted = {"room": "demo", "roomJoin": True}
    refused(ring, signed(claims(sub="", name="Ada", space_grant=granted)))
    refused(ring, signed(claims(sub=5, name="Ada", space_grant=granted)))
    for issued in ("now", 10**400, -(10**400), -1, True):
        refused(ring, signed(claims(sub="ada", name="Ada", space_grant=granted, iat=issued)))


def test_a_pass_is_signed_with_a_secret_that_no_backend_has(ring):
    shown = ring.issue_pass(now=NOW, ttl=60)
    key = KEY
    assert ring.is_pass(shown, now=NOW)
    assert key.secret != key.pass_secret
    with pytest.raises(UnauthenticatedError, match="does not verify"):
        ring.verify(shown, now=NOW)
    claims = {"iss": key.id, "aud": "spacescore operations", "nbf": NOW, "exp": NOW + 60}
    forged = jwt.encode(claims, key.secret, algorithm="HS256", headers={"kid": key.id})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": key.id})
    token = ring.issue(GRANT, now=NOW)
    for other in (forged, unsigned, token, "x", "x" * 3_000):
        assert not ring.is_pass(other, now=NOW)


def test_a_pass_expires_and_goes_with_its_key(ring):
    shown = ring.issue_pass(now=NOW, ttl=60)
    with pytest.raises(UnauthenticatedError, match="expired"):
        ring.is_pass(shown, now=NOW + 60 + 31)
    ring.replace([new_operator_key()])
    assert not ring.is_pass(shown, now=NOW)
    for ttl in (0, 31 * 86_400):
        with pytest.raises(ValueError, match="lives"):
            ring.issue_pass(now=NOW, ttl=ttl)


def test_a_ring_takes_other_keys_while_it_is_in_use(ring):
    token = ring.issue(GRANT, now=NOW)
    ring.replace([NEW, OLD])
    assert ring.verify(token, now=NOW) == GRANT
    assert KeyRing([NEW]).verify(ring.issue(GRANT, now=NOW), now=NOW) == GRANT
    with pytest.raises(ValueError, match="16"):
        ring.replace(["short"])
    ring.replace([NEW])
    refused(ring, token)
