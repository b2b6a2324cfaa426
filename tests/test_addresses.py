"""Where a machine says it can be reached."""

import ipaddress

import pytest

from spacescore.addresses import MAX_CANDIDATES, candidate_addresses, check_address, wildcard
from spacescore.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_an_address_comes_out_in_its_usual_form(text, address):
    assert check_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "example.org", "1.2.3", "0.0.0.0", "::", "ff02::1", "1.2.3.4\n"]
)
def test_what_nobody_can_send_to_is_refused(text):
    with pytest.raises(InvalidRequestError):
        check_address(text)


def test_announced_addresses_stand_alone():
    assert candidate_addresses("::", ["203.0.113.5", "2001:db8::5"]) == [
        "203.0.113.5",
        "2001:db8::5",
    ]


def test_a_bound_address_is_the_only_candidate():
    assert candidate_addresses("127.0.0.1") == ["127.0.0.1"]
    assert candidate_addresses("::1") == ["::1"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_wildcard_means_the_machines_own_addresses_with_loopback_last(host):
    found = [ipaddress.ip_address(address) for address in candidate_addresses(host)]
    assert 1 <= len(found) <= MAX_CANDIDATES
    assert len(set(found)) == len(found)
    assert ipaddress.ip_address("127.0.0.1") in found
    loopback = [address.is_loopback for address in found]
    assert loopback == sorted(loopback)
    assert not any(address.is_link_local or address.is_unspecified for address in found)
    if host == "0.0.0.0":
        assert all(address.version == 4 for address in found)


def test_there_is_always_a_wildcard_to_bind():
    assert wildcard() in ("::", "0.0.0.0")
