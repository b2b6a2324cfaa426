"""An independent client: pyOpenSSL, on the OpenSSL that `cryptography` brings along."""

import pytest
from OpenSSL import SSL

from dtls_wire import drain, feed
from spacescore._native import _core

CM_80, GCM = 1, 7


@pytest.fixture(scope="module")
def server_context():
    return _core.DtlsContext(_core.Certificate.generate())


class OpenSSLClient:
    def __init__(
        self,
        *,
        accept=True,
        profiles=b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM",
        ciphers=b"DEFAULT",
    ):
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_cipher_list(ciphers)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: accept)
        context.set_tlsext_use_srtp(profiles)
        self.connection = SSL.Connection(context)
        self.connection.set_connect_state()
        self.connected = False

    def step(self):
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return
        self.connected = True

    def take(self):
        datagrams = []
        while True:
            try:
                datagrams.append(self.connection.bio_read(2000))
            except SSL.WantReadError:
                return datagrams

    def talk_to(self, server):
        """The last datagram that the server sent."""
        datagram = b""
        for _ in range(4):
            self.step()
            feed(server, self.take())
            for datagram in drain(server):
                self.connection.bio_write(datagram)
        return datagram


@pytest.mark.parametrize(
    ("offered", "profile"),
    [
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", GCM),
        (b"SRTP_AES128_CM_SHA1_80", CM_80),
        (b"SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", CM_80),
    ],
)
def test_an_openssl_client_connects_and_exports_the_same_keys(server_context, offered, profile):
    server, client = (
        _core.DtlsSession(server_context, role="server"),
        OpenSSLClient(profiles=offered),
    )
    client.talk_to(server)
    assert client.connected
    keys = server.keys()
    salt = 12 if profile == GCM else 14
    material = client.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (16 + salt))
    assert keys.profile == profile
    assert keys.remote == material[:16] + material[32 : 32 + salt]
    assert keys.local == material[16:32] + material[32 + salt :]


@pytest.mark.parametrize(
    ("ciphers", "size"),
    [(b"ECDHE-ECDSA-AES128-GCM-SHA256", 75), (b"ECDHE-ECDSA-CHACHA20-POLY1305", 67)],
)
def test_the_last_flight_is_kept_whole_whatever_the_cipher(server_context, ciphers, size):
    server = _core.DtlsSession(server_context, role="server")
    sent = OpenSSLClient(ciphers=ciphers).talk_to(server)
    assert len(sent) == size
    assert server.last_flight == sent


def test_an_openssl_client_brings_a_cookie_back(server_context):
    server, client = (
        _core.DtlsSession(server_context, role="server", asks_cookie=True),
        OpenSSLClient(),
    )
    client.talk_to(server)
    assert (server.state, client.connected) == ("connected", True)


def test_an_openssl_client_without_srtp_never_connects(server_context):
    server = _core.DtlsSession(server_context, role="server")
    client = OpenSSLClient(profiles=b"SRTP_AES128_CM_SHA1_32")
    with pytest.raises(SSL.Error, match="alert"):
        client.talk_to(server)
    assert (server.state, client.connected) == ("failed", False)


def test_close_notify_shows_as_peer_closed(server_context):
    server, client = _core.DtlsSession(server_context, role="server"), OpenSSLClient()
    client.talk_to(server)
    assert not server.peer_closed
    client.connection.shutdown()
    feed(server, client.take())
    assert (server.state, server.peer_closed, drain(server)) == ("connected", True, [])


def test_a_forged_alert_does_not_close_a_connected_session(server_context):
    server, client = _core.DtlsSession(server_context, role="server"), OpenSSLClient()
    client.talk_to(server)
    for epoch in (0, 1):
        for number in (9, 2**40):
            header = bytes.fromhex("15fefd") + (epoch << 48 | number).to_bytes(8, "big")
            server.handle_datagram(0, header + bytes.fromhex("0002 0100"))
            server.handle_datagram(0, header + bytes.fromhex("001a") + bytes(26))
    assert (server.state, server.peer_closed) == ("connected", False)


def test_a_client_that_rejects_the_certificate_fails_the_session(server_context):
    server, client = _core.DtlsSession(server_context, role="server"), OpenSSLClient(accept=False)
    with pytest.raises(SSL.Error):
        client.talk_to(server)
    feed(server, client.take())
    assert (server.state, server.peer_closed, drain(server)) == ("failed", True, [])
