"""Who asks, behind which proxies, and what is not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore.clients import Proxies
from spacescore.errors import InvalidRequestError

OURS = Proxies(["10.0.0.0/8", "::1"])
RFC7239 = Proxies(["10.0.0.0/8"], "forwarded")


def test_who_is_connected_asks_where_no_proxy_is_trusted():
    assert Proxies().client("203.0.113.5", ["198.51.100.1"]) == "203.0.113.5"
    assert OURS.client("203.0.113.5", ["198.51.100.1"]) == "203.0.113.5"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the first is the client's invention
        (["6.6.6.6", "198.51.100.1, 10.0.0.9"], "198.51.100.1"),
        (["10.0.0.9"], ""),
        (["unknown"], ""),
        (["198.51.100.1, unknown"], ""),
        ([""], ""),
        ([], ""),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
    ],
)
def test_a_trusted_proxy_says_for_whom_it_asks(lines, client):
    assert OURS.client("10.0.0.1", lines) == client
    assert OURS.client("::ffff:10.0.0.1", lines) == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["for=198.51.100.1;proto=https"], "198.51.100.1"),
        (['proto=https; For="[2001:db8::1]:4711"'], "2001:db8::1"),
        (['for="198.51.100.1:80", for=10.0.0.9'], "198.51.100.1"),
        (["for=6.6.6.6, for=198.51.100.1"], "198.51.100.1"),
        (["for=unknown"], ""),
        (["for=_hidden"], ""),
        (["by=198.51.100.1"], ""),
        (["xfor=198.51.100.1"], ""),
    ],
)
def test_the_standard_header_is_read_as_well(lines, client):
    assert RFC7239.client("10.0.0.1", lines) == client


@given(st.lists(st.text(max_size=60), max_size=5))
def test_no_header_makes_the_proxys_own_client_another(lines):
    for proxies, real in ((OURS, "198.51.100.1"), (RFC7239, "for=198.51.100.1")):
        assert proxies.client("10.0.0.1", [*lines, real]) == "198.51.100.1"
        assert proxies.client("203.0.113.5", lines) == "203.0.113.5"


def test_somebody_is_one_ipv4_address_or_the_64_bits_of_their_network():
    def network(peer: str) -> str:
        return Proxies().network(peer, ())

    assert network("198.51.100.1") == "198.51.100.1"
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::4") != network("2001:db8:1:2::4")
    assert network("") == ""


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example.org", "", "10.0.0.1/8"])
def test_what_is_no_network_is_named(text):
    with pytest.raises(InvalidRequestError, match="trusted_proxies"):
        Proxies([text])
