"""Whose turn has not come is met with silence; who is inside, or speaks, is not asked."""

import pytest

from world import SPACE, World

COHORT_500 = bytes.fromhex("80000000") + b"nonce 01"
THE_LAST = bytes.fromhex("ffffffff") + b"nonce 02"
THE_FIRST = bytes(4) + b"nonce 03"


@pytest.mark.parametrize(
    ("who", "cohort"),
    [
        ({"nonce": THE_FIRST}, 0),
        ({"nonce": COHORT_500}, 500),
        ({"nonce": THE_LAST}, 999),
        ({"nonce": THE_LAST, "cohort": 7}, 7),  # a personal ticket says so itself
    ],
)
def test_a_listener_enters_when_their_cohort_may_and_not_before(who, cohort):
    world = World()
    world.engine.set_admitted(SPACE, cohort)
    person = world.join(**who)
    world.run(1)
    assert not person.down.sent
    assert set(world.drops()) == {"not_admitted"}
    world.engine.set_admitted(SPACE, cohort + 1)
    world.run(2)
    assert person.client.state == "connected"


def test_speakers_are_not_asked_and_who_is_inside_stays():
    world = World()
    listener = world.join(nonce=THE_LAST)
    world.run(1)
    world.engine.set_admitted(SPACE, 0)
    speaker = world.join("speaker", peer=7, nonce=COHORT_500)
    world.run(8)  # checks of consent among them
    assert listener.client.state == speaker.client.state == "connected"
    assert world.engine.listeners == 1


def test_a_door_of_one_space_is_none_of_another():
    world = World(spaces=(SPACE, SPACE + 1))
    world.engine.set_admitted(SPACE, 0)
    other = world.join(space=SPACE + 1)
    world.run(1)
    assert other.client.state == "connected"
    assert not world.engine.set_admitted(SPACE + 2, 5)


def test_by_invitation_everybodys_ticket_opens_nothing_and_who_came_by_it_is_sent_away():
    world = World()
    guest, invited = world.join(), world.join(peer=7)
    speaker = world.join("speaker", peer=8)
    world.run(1)
    world.join()
    while not world.engine.handshakes:  # the ticket has been taken
        world.run(0.001)
    told = len(guest.down.sent), len(invited.down.sent)
    assert world.engine.set_invited_only(SPACE, True)
    stranger, friend = world.join(), world.join(peer=9)
    world.run(2)
    assert len(guest.down.sent) == told[0] + 1, "a goodbye, and nothing else"
    assert {each.client.state for each in (invited, speaker, friend)} == {"connected"}
    assert not stranger.down.sent
    assert set(world.drops()) == {"not_invited"}
    assert (world.engine.listeners, world.engine.handshakes) == (2, 0)
    assert world.engine.set_invited_only(SPACE, False)
    world.join()
    world.run(1)
    assert world.engine.listeners >= 3
    assert not world.engine.set_invited_only(SPACE + 2, True)
