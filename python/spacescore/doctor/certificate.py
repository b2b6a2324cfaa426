"""What a certificate says of itself, told by the standard library alone: the pair shakes hands
with itself in memory, and a client that trusts exactly this certificate reads it.
"""

import ssl
from pathlib import Path
from typing import Any

from spacescore.doctor.facts import Certificate

__all__ = ["look_at"]

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: an expired one is to be read as well
PARTIAL_CHAIN = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN: the leaf itself may be trusted


def look_at(certificate: Path, key: Path) -> Certificate:
    """Try a pair, and read what is in it."""
    try:
        told = _shake_hands(certificate, key)
        private = not key.stat().st_mode & 0o077
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return Certificate(str(certificate), error=_words(error), key_path=str(key))
    return Certificate(
        str(certificate),
        expires=float(ssl.cert_time_to_seconds(told["notAfter"])),
        names=tuple(name for kind, name in told.get("subjectAltName", ())),
        key_is_private=private,
        key_path=str(key),
    )


def _shake_hands(certificate: Path, key: Path) -> dict[str, Any]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME | PARTIAL_CHAIN)
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_side=False)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return dict(ours.getpeercert() or {})


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None)  # KEY_VALUES_MISMATCH
    if reason:
        return str(reason).replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
