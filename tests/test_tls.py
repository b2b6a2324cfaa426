"""The certificate of the pages, and what happens when its files change."""

import re
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from served import Served
from spacescore._native import _core
from spacescore.errors import StartupError
from spacescore.tls import Pair


def write(folder: Path) -> tuple[str, str]:
    """Put a fresh pair into the two files, as certbot does; return it."""
    made = _core.Certificate.generate()
    texts = made.certificate_pem, made.private_key_pem
    for name, text in zip(("c.pem", "k.pem"), texts, strict=True):
        draft = folder / f".{name}"
        draft.write_text(text)
        draft.replace(folder / name)
    return texts


def shown(context: ssl.SSLContext) -> str:
    """The certificate that a new handshake with `context` shows, as PEM."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(theirs, ours), context.wrap_bio(ours, theirs, server_side=True)]
    for side in sides * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ssl.DER_cert_to_PEM_cert(sides[0].getpeercert(binary_form=True))


def same(pem: str, other: str) -> bool:
    return "".join(pem.split()) == "".join(other.split())


@pytest.fixture
def pair(tmp_path) -> Pair:
    write(tmp_path)
    return Pair(tmp_path / "c.pem", tmp_path / "k.pem")


@pytest.fixture
def context(pair, tmp_path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    pair.serve_by(context)
    return context


def test_new_handshakes_use_the_new_pair(pair, context, tmp_path):
    assert not pair.has_changed()
    certificate, _ = write(tmp_path)
    assert pair.has_changed()
    pair.reload()
    assert same(shown(context), certificate)
    assert not pair.has_changed()


@pytest.mark.parametrize("what", ["c.pem", "k.pem"])
@pytest.mark.parametrize("how", ["another's", "half of it", "nothing", "gone"])
def test_a_pair_that_does_not_work_leaves_the_old_one(pair, context, tmp_path, what, how):
    before = (tmp_path / "c.pem").read_text()
    good = (tmp_path / what).read_text()
    made = _core.Certificate.generate()
    other = made.certificate_pem if what == "c.pem" else made.private_key_pem
    texts = {"another's": other, "half of it": good[: len(good) // 2], "nothing": ""}
    if how == "gone":
        (tmp_path / what).unlink()
    else:
        (tmp_path / what).write_text(texts[how])
    with pytest.raises(StartupError, match="do not work"):
        pair.reload()
    assert same(shown(context), before)
    certificate, _ = write(tmp_path)
    assert pair.has_changed(), "it is looked at again once the files are another's"
    pair.reload()
    assert same(shown(context), certificate)


def test_a_link_to_other_files_is_a_change(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    (tmp_path / "live").symlink_to("old")
    pair = Pair(tmp_path / "live" / "c.pem", tmp_path / "live" / "k.pem")
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(tmp_path / "live")
    assert pair.has_changed()


# A real process.


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    write(tmp_path)
    files = ["--tls-cert", str(tmp_path / "c.pem"), "--tls-key", str(tmp_path / "k.pem")]
    served = Served(tmp_path / "data", "--demo", *files)
    yield served
    served.end()


class Client:
    """A connection by TLS that takes whatever certificate it is shown."""

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.tls = context.wrap_socket(raw)
        self.certificate = ssl.DER_cert_to_PEM_cert(self.tls.getpeercert(binary_form=True))

    def ask(self, path: str) -> str:
        self.tls.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.tls.recv(65_536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
        while len(body) < length:
            body += self.tls.recv(65_536)
        return body.decode()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *raised: object) -> None:
        self.tls.close()


def until(served: Served, event: str) -> str:
    """Read the log up to an event."""
    line = ""
    while event not in line:
        line = served.process.stderr.readline()
        assert line, "the service has ended"
    return line


@pytest.mark.parametrize("how", ["SIGHUP", "the files alone"])
def test_a_service_takes_a_renewed_certificate_and_connections_stay(served, tmp_path, how):
    with Client(served.port) as before:
        certificate, _ = write(tmp_path)
        if how == "SIGHUP":
            served.process.send_signal(signal.SIGHUP)
        until(served, "new certificate")
        with Client(served.port) as after:
            assert same(after.certificate, certificate)
            assert not same(before.certificate, certificate)
        assert '"ok"' in before.ask("/healthz")


def test_a_service_keeps_the_old_pair_and_says_so(served, tmp_path):
    before = (tmp_path / "c.pem").read_text()
    with Client(served.port) as client:
        assert '"ok"' in client.ask("/healthz")
    (tmp_path / "k.pem").write_text("no key")
    served.process.send_signal(signal.SIGHUP)
    assert "do not work" in until(served, "the certificate stays as it was")
    with Client(served.port) as client:
        assert same(client.certificate, before)
        metrics = client.ask("/metrics")
    assert re.search(r"tls_reload_failures_total\{[^}]*\} 1\.0", metrics)
    assert re.search(r"tls_expiry_timestamp_seconds\{[^}]*\} 1\.\d+e\+09", metrics)


def test_sighup_without_tls_changes_nothing(tmp_path):
    served = Served(tmp_path / "data", "--demo")
    try:
        assert served.get("/healthz")
        served.process.send_signal(signal.SIGHUP)
        assert served.get("/healthz")
        code, _, log = served.stop()
        assert (code, "certificate" in log) == (0, False)
    finally:
        served.end()
