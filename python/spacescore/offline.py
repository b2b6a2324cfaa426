"""Tickets without asking a node: whoever has its keys can mint what it will open.

A space's id follows from its name, so a ticket may be made, printed and put on a CDN before
the space is opened.
"""

import hashlib
import ssl

from spacescore._native import _core
from spacescore.datadir import DataDir
from spacescore.errors import StartupError
from spacescore.sdp import Candidate
from spacescore.spaces import check_slug
from spacescore.tickets import Ticket, public_ticket

__all__ = ["mint_offline"]


def mint_offline(data: DataDir, slug: str, expiry: int) -> Ticket:
    """Mint a public ticket with the keys in a node's folder, good until `expiry` (Unix s).

    Raises StartupError when no node has run there, InvalidRequestError for a bad name.
    """
    check_slug(slug)
    try:
        candidates = [Candidate(**candidate) for candidate in data.read_node()["candidates"]]
    except (KeyError, TypeError):
        raise StartupError(f"{data.path}/node.json is damaged.") from None
    keys = _core.TicketKeys()
    for key_id, key in data.ticket_keys():
        keys.add(key_id, key)
    return public_ticket(keys, slug, _fingerprint(data), candidates, expiry)


def _fingerprint(data: DataDir) -> str:
    pem = data.certificate(_no_new_one, now=0.0)[0]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest().hex(":").upper()


def _no_new_one() -> tuple[str, str]:
    raise StartupError("There is no certificate in the data folder: start a node on it first.")
