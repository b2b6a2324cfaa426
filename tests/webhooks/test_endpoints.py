"""Who is told, and how they know that it is us."""

import base64
import hashlib
import hmac

import pytest

from spacescore.errors import InvalidRequestError, StartupError
from spacescore.settings import shown
from spacescore.webhooks.endpoints import SOME_SECRET, Endpoint, read_endpoints

OWN = "whsec_" + base64.b64encode(b"s" * 24).decode()


def one(text: str, secret: str = SOME_SECRET) -> Endpoint:
    (endpoint,) = read_endpoints([text], secret)
    return endpoint


def test_a_letter_is_signed_as_the_specification_does_it():
    """Its own example: github.com/standard-webhooks/standard-webhooks, libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = one("https://a.example/", secret).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330.9
    )
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_secret_of_a_file_signs(tmp_path):
    file = tmp_path / "secrets"
    file.write_text(f"{OWN}\n{SOME_SECRET}\n")
    headers = one(f"https://a.example/,@{file}").headers("m", b"x", 5.0)
    digests = [hmac.digest(key, b"m.5.x", hashlib.sha256) for key in (b"s" * 24, bytes(32))]
    signed = [f"v1,{base64.b64encode(digest).decode()}" for digest in digests]
    assert headers["webhook-signature"].split(" ") == signed


def test_an_endpoint_may_have_its_own_secret_or_the_common_one():
    assert one(f"https://a.example/hook,{OWN}").secrets == (b"s" * 24,)
    assert one("http://127.0.0.1:9/hook").secrets == (bytes(32),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://x/",
        "https://",
        "x",
        "https://a b/",
        "https://a.example:x/",
        "https://exämple.org/",
    ],
)
def test_what_is_no_endpoint_is_refused(text):
    with pytest.raises(InvalidRequestError, match="webhooks"):
        one(text)


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_!!!!", "whsec_" + "QUFB", OWN[6:]])
def test_a_weak_secret_is_refused_and_not_told(secret):
    with pytest.raises(InvalidRequestError) as caught:
        one(f"https://user:pass@a.example/x?token=y,{secret}")
    assert "a.example/x" in str(caught.value)
    for hidden in (secret, "pass", "token"):
        assert hidden not in str(caught.value).replace("whsec_ and", "") or hidden == "whsec_"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(StartupError, match="nowhere"):
        one(f"https://a.example/,@{tmp_path}/nowhere")
    (tmp_path / "empty").touch()
    with pytest.raises(StartupError, match="no secret"):
        one(f"https://a.example/,@{tmp_path}/empty")


def test_what_is_shown_has_no_secret_in_it():
    text = f"https://user:pass@a.example/x?token=y,{OWN}"
    for seen in (repr(one(text)), one(text).name, shown("webhooks", (text,))):
        assert "a.example/x" in seen
        assert not any(hidden in seen for hidden in ("pass", "token=y", OWN))
    assert shown("webhooks", ("https://a.example/,@/etc/s",)) == "https://a.example/,@/etc/s"


def test_two_endpoints_that_look_the_same_are_refused():
    with pytest.raises(InvalidRequestError, match="differ only"):
        read_endpoints(["https://a.example/x?1", "https://a.example/x?2"], SOME_SECRET)
