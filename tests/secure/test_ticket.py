import base64
import hashlib
import hmac
import random
import string

import pytest

from spacescore._native import _core

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
KEY = bytes(range(32))
SESSION = bytes(range(12))
FINGERPRINT = hashlib.sha256(b"a certificate").digest()
EXPIRY = 1_900_000_000
TICKET = slice(1, 67)
NOW_US = (EXPIRY - 60) * 1_000_000


def keys_with(*ids, key=KEY):
    keys = _core.TicketKeys()
    for key_id in ids:
        keys.add(key_id, key)
    return keys


@pytest.fixture
def keys():
    return keys_with(7)


def mint(keys, **fields):
    return keys.mint(**{"space": 2**63 + 5, "role": "listener", "expiry": EXPIRY} | fields)


def ufrag_of(keys, fingerprint=None, **fields):
    return _core.make_ufrag(mint(keys, **fields), SESSION, 111, fingerprint)


def reason(keys, ufrag, unix_us=NOW_US):
    with pytest.raises(_core.Dropped) as dropped:
        keys.open(ufrag, unix_us)
    return str(dropped.value)


def test_a_ticket_comes_back_as_it_was_minted(keys):
    fields = {
        "space": 0xFEDC_BA98_7654_3210,
        "role": "speaker",
        "expiry": EXPIRY,
        "peer": 0xFFFF_FFFF,
        "cohort": 999,
        "personal": True,
        "requires_certificate": True,
    }
    ticket = keys.mint(**fields)
    opened = keys.open(_core.make_ufrag(ticket, SESSION, 109, FINGERPRINT), NOW_US)
    assert {name: getattr(opened, name) for name in fields} == fields
    assert (opened.session, opened.payload_type) == (SESSION, 109)
    assert opened.fingerprint == FINGERPRINT[:16]
    assert opened.password == keys.password(ticket)


def test_a_public_ticket_needs_no_fingerprint(keys):
    opened = keys.open(ufrag_of(keys), NOW_US)
    assert (opened.peer, opened.personal, opened.fingerprint) == (0, False, None)


@pytest.mark.parametrize(("fingerprint", "length"), [(None, 85), (FINGERPRINT, 107)])
def test_a_ufrag_has_its_length_and_the_ice_alphabet(keys, fingerprint, length):
    ufrag = ufrag_of(keys, fingerprint)
    assert len(ufrag) == length <= 255
    assert set(ufrag) <= set(ALPHABET)


def test_the_ufrag_is_laid_out_as_documented(keys):
    ticket = mint(keys)
    ufrag = _core.make_ufrag(ticket, SESSION, 111, FINGERPRINT)
    session = base64.b64encode(SESSION).decode()
    fingerprint = base64.b64encode(FINGERPRINT[:16]).decode().rstrip("=")
    assert ufrag == "1" + ticket + session + "Bv" + fingerprint


def test_the_password_is_a_keyed_hash_of_the_ticket(keys):
    ticket = mint(keys)
    secret = hmac.digest(KEY, b"spacescore ticket password", "sha256")
    digest = hmac.digest(secret, ticket.encode(), "sha256")
    assert keys.password(ticket) == base64.b64encode(digest).decode()[:32]


def test_two_tickets_for_the_same_never_look_alike(keys):
    assert mint(keys) != mint(keys)


@pytest.mark.parametrize("fingerprint", [None, FINGERPRINT])
def test_every_truncation_and_every_lengthening_is_dropped(keys, fingerprint):
    ufrag = ufrag_of(keys, fingerprint)
    for cut in range(len(ufrag)):
        if cut != 85:  # without its fingerprint it is a whole ufrag again
            assert reason(keys, ufrag[:cut]) == "bad_ticket"
    assert reason(keys, ufrag + "A") == "bad_ticket"
    assert reason(keys, ufrag * 40) == "bad_ticket"


def test_every_changed_character_of_version_or_ticket_is_dropped(keys):
    ufrag = ufrag_of(keys)
    for at in range(67):
        for other in ALPHABET.replace(ufrag[at], ""):
            assert reason(keys, ufrag[:at] + other + ufrag[at + 1 :]) == "bad_ticket"


def test_every_character_outside_the_alphabet_is_dropped(keys):
    ufrag = ufrag_of(keys, FINGERPRINT)
    for at in range(len(ufrag)):
        for foreign in "=-_ :\0\x7f":
            assert reason(keys, ufrag[:at] + foreign + ufrag[at + 1 :]) == "bad_ticket"


def test_bits_to_spare_must_be_zero(keys):
    ufrag = ufrag_of(keys, FINGERPRINT)
    last = ALPHABET.index(ufrag[-1])
    for spare in range(1, 16):
        assert reason(keys, ufrag[:-1] + ALPHABET[last | spare]) == "bad_ticket"


def test_only_dynamic_payload_types_are_taken(keys):
    ufrag = ufrag_of(keys)
    taken = set()
    for high in ALPHABET:
        for low in ALPHABET:
            try:
                opened = keys.open(ufrag[:-2] + high + low, NOW_US)
            except _core.Dropped:
                continue
            value = ALPHABET.index(high) * 64 + ALPHABET.index(low)
            assert opened.payload_type + 128 * opened.level_extension == value
            taken.add((opened.payload_type, opened.level_extension))
    dynamic = {*range(35, 64), *range(96, 128)}
    assert taken == {(pt, extension) for pt in dynamic for extension in range(15)}


def test_a_speaker_says_under_which_id_levels_come(keys):
    ticket = keys.mint(space=1, role="speaker", expiry=EXPIRY)
    for red in (0, 63):
        ufrag = _core.make_ufrag(ticket, bytes(12), 111, FINGERPRINT, red, level_extension=14)
        opened = keys.open(ufrag, NOW_US)
        assert (opened.payload_type, opened.red_payload_type) == (111, red)
        assert opened.level_extension == 14
    with pytest.raises(ValueError, match=r"1\.\.14"):
        _core.make_ufrag(ticket, bytes(12), 111, level_extension=15)


@pytest.mark.parametrize(("fingerprint", "length"), [(None, 87), (FINGERPRINT, 109)])
def test_redundancy_is_named_after_opus(keys, fingerprint, length):
    ticket = mint(keys)
    ufrag = _core.make_ufrag(ticket, SESSION, 111, fingerprint, red_payload_type=63)
    plain = _core.make_ufrag(ticket, SESSION, 111, fingerprint)
    assert len(ufrag) == length
    assert ufrag == plain[:85] + "A/" + plain[85:]
    opened = keys.open(ufrag, NOW_US)
    assert (opened.payload_type, opened.red_payload_type) == (111, 63)
    assert opened.fingerprint == (fingerprint and fingerprint[:16])
    assert opened.session == SESSION
    assert keys.open(plain, NOW_US).red_payload_type == 0


def test_only_a_dynamic_payload_type_is_taken_for_redundancy(keys):
    ufrag = _core.make_ufrag(mint(keys), SESSION, 111, red_payload_type=63)
    for foreign in ("AA", "AB", "BA", "//", "=="):
        assert reason(keys, ufrag[:-2] + foreign) == "bad_ticket"
    with pytest.raises(ValueError, match="dynamic"):
        _core.make_ufrag(mint(keys), SESSION, 111, red_payload_type=64)


def test_a_ticket_is_refused_from_its_expiry_on(keys):
    ufrag = ufrag_of(keys)
    assert keys.open(ufrag, EXPIRY * 1_000_000 - 1).expiry == EXPIRY
    assert reason(keys, ufrag, EXPIRY * 1_000_000) == "expired_ticket"
    assert reason(keys, ufrag_of(keys, expiry=0), 0) == "expired_ticket"


def test_a_ticket_opened_lately_is_judged_anew(keys):
    """What is remembered is what it says, not that it was let in; and under which key."""
    ticket = mint(keys, requires_certificate=True)
    named, bare = (_core.make_ufrag(ticket, SESSION, 111, f) for f in (FINGERPRINT, None))
    first = keys.open(named, NOW_US)
    again = keys.open(_core.make_ufrag(ticket, SESSION[::-1], 96, FINGERPRINT), NOW_US)
    assert (again.password, again.expiry) == (first.password, first.expiry)
    assert (again.session, again.payload_type) == (SESSION[::-1], 96)
    assert reason(keys, bare, NOW_US) == "certificate_mismatch"
    assert reason(keys, named, EXPIRY * 1_000_000) == "expired_ticket"
    for place in range(TICKET.start, TICKET.stop):
        other = "A" if named[place] != "A" else "B"
        assert reason(keys, named[:place] + other + named[place + 1 :]) == "bad_ticket"
    keys.add(7, bytes(32))
    assert reason(keys, named, NOW_US) == "bad_ticket"


def test_more_tickets_than_are_remembered_open_as_well(keys):
    tickets = [mint(keys, space=space) for space in range(1, 40)]
    for _ in range(2):
        for space, ticket in enumerate(tickets, 1):
            opened = keys.open(_core.make_ufrag(ticket, SESSION, 111, None), NOW_US)
            assert (opened.space, opened.password) == (space, keys.password(ticket))


def test_a_forged_ticket_is_bad_before_it_is_expired(keys):
    forged = ufrag_of(keys_with(7, key=bytes(32)), expiry=0)
    assert reason(keys, forged) == "bad_ticket"


def test_a_foreign_key_is_dropped(keys):
    assert reason(keys, ufrag_of(keys_with(8))) == "bad_ticket"
    assert reason(keys, ufrag_of(keys_with(7, key=bytes(32)))) == "bad_ticket"


def test_the_key_id_is_authenticated():
    keys = keys_with(7, 8)
    ufrag = ufrag_of(keys)
    raw = bytes([7]) + base64.b64decode(ufrag[TICKET] + "==")[1:]
    relabelled = base64.b64encode(raw).decode().rstrip("=")
    assert reason(keys, ufrag[0] + relabelled + ufrag[67:]) == "bad_ticket"


def test_a_required_fingerprint_must_be_there(keys):
    ufrag = ufrag_of(keys, FINGERPRINT, requires_certificate=True)
    assert keys.open(ufrag, NOW_US).fingerprint == FINGERPRINT[:16]
    assert reason(keys, ufrag[:85]) == "certificate_mismatch"


def test_keys_rotate_with_overlap(keys):
    old = ufrag_of(keys)
    keys.add(9, bytes(32))
    new = ufrag_of(keys)
    assert [base64.b64decode(u[TICKET] + "==")[0] for u in (old, new)] == [7, 9]
    assert keys.open(old, NOW_US).password == keys.password(old[TICKET])
    keys.remove(7)
    assert reason(keys, old) == "bad_ticket"
    assert keys.open(new, NOW_US).session == SESSION


def test_without_the_newest_key_the_one_before_mints_again():
    keys = keys_with(1, 2)
    keys.remove(2)
    assert base64.b64decode(mint(keys) + "==")[0] == 1


def test_random_text_is_never_a_ticket(keys):
    draw = random.Random(5)
    for _ in range(5_000):
        text = "1" + "".join(draw.choices(ALPHABET, k=draw.choice([82, 84, 106, 254])))
        assert reason(keys, text) == "bad_ticket"


def test_misuse_is_an_error_not_a_drop(keys):
    with pytest.raises(ValueError, match="no ticket key"):
        mint(_core.TicketKeys())
    with pytest.raises(ValueError, match=r"0\.\.999"):
        mint(keys, cohort=1000)
    with pytest.raises(ValueError, match="role"):
        mint(keys, role="ghost")
    with pytest.raises(ValueError, match="32 bytes"):
        keys.add(1, b"short")
    with pytest.raises(ValueError, match="malformed"):
        keys.password("A" * 65)
    with pytest.raises(ValueError, match="not known"):
        keys.password("A" * 66)
    with pytest.raises(ValueError, match="payload type"):
        _core.make_ufrag(mint(keys), SESSION, 64)
    with pytest.raises(ValueError, match="12 bytes"):
        _core.make_ufrag(mint(keys), b"", 111)
