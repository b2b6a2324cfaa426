"""RTCP, both ways: who is told what, how often, and what is made of the answers."""

import itertools

import pytest

from handmade import HandmadeClient
from spacescore._native import _core
from world import RATE, SECOND_US, SPACE, UNIX_US, tone

SR, RR, SDES, BYE = 200, 201, 202, 203


def reports_to(person):
    """(time in seconds, packets) of each compound."""
    return [(at_us / SECOND_US, packets) for at_us, packets in person.client.compounds]


@pytest.mark.parametrize("others", [0, 9, 260])
def test_a_listener_gets_a_sender_report_about_every_five_seconds(world, others):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(made_by=HandmadeClient)
    for number in range(others):
        world.join(address=("10.5.0.1", 2_000 + number))
    world.run(2)
    for person in list(world.people.values())[2:]:
        world.leave(person)  # they stay in the table, for half a minute
    world.run(20)
    reports = reports_to(listener)
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(reports)]
    assert 3 <= len(reports) <= 5
    assert all(4.9 <= gap <= 5.1 for gap in gaps)


def test_a_sender_report_names_the_source_its_time_and_its_canonical_name(world):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(made_by=HandmadeClient)
    world.run(11)
    (_, (first, sdes)), (_, (second, _)) = reports_to(listener)[-2:]
    assert [first.type, sdes.type] == [SR, SDES]
    assert first.sender == SPACE & 0xFFFFFFFF
    assert b"spacescore" in sdes.body
    ntp = (second.info.ntp - first.info.ntp) / 2**32
    rtp = (second.info.rtp_timestamp - first.info.rtp_timestamp & 0xFFFFFFFF) / RATE
    assert abs(ntp - rtp) <= 0.02
    assert abs(second.info.ntp - _core.ntp_time(UNIX_US + world.now_us)) < 6 << 32
    assert 200 <= second.info.packets - first.info.packets <= 260


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3])
def test_a_speaker_is_told_each_second_what_was_lost(world, loss):
    speaker = world.join("speaker", peer=7, made_by=HandmadeClient, up={"loss": loss})
    speaker.say(0, tone(440))
    world.run(31)
    reports = [at_and_packets for at_and_packets in reports_to(speaker) if at_and_packets[0] > 2]
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(reports)]
    assert all(0.9 <= gap <= 1.1 for gap in gaps)
    blocks = [packets[0].reports[0] for _, packets in reports]
    assert all(packets[0].type == SR for _, packets in reports)
    assert {block.ssrc for block in blocks} == {speaker.client.ssrc}
    mean = sum(block.fraction_lost for block in blocks) / len(blocks) / 256
    assert abs(mean - loss) <= 0.02 + loss / 4
    assert blocks[-1].highest_sequence in range(speaker.client.index - 60, speaker.client.index)
    stats = world.engine.space_stats(SPACE).speakers[0]
    assert abs(blocks[-1].packets_lost - stats.packets_lost) <= 0.3 * 50 + 2


def test_a_speakers_round_trip_can_be_told_from_the_report(world):
    speaker = world.join("speaker", peer=7, made_by=HandmadeClient)
    speaker.say(0, tone(440))
    world.run(1)
    info = _core.SenderInfo(ntp=0x1234_5678_9ABC_0000, rtp_timestamp=0, packets=1, octets=1)
    speaker.client.send(speaker.client.rtcp(_core.write_sender_report(speaker.client.ssrc, info)))
    sent = world.now_us
    world.run(1.5)
    at_us, packets = speaker.client.compounds[-1]
    block = packets[0].reports[0]
    assert block.last_sr == 0x5678_9ABC
    round_trip = (at_us - sent) / SECOND_US - block.delay_since_sr / 65_536
    assert 0.02 <= round_trip <= 0.045


def test_listeners_reports_are_read(world):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join()
    world.run(12)
    assert listener.client.stats.reports_sent == 2
    assert world.counters()["reports_received"] == 4  # two of each
    assert world.drops() == {}


def test_a_goodbye_of_a_speaker_ends_the_stream_and_not_the_session(world):
    speaker = world.join("speaker", peer=7, made_by=HandmadeClient)
    world.run(1)
    report = _core.write_receiver_report(speaker.client.ssrc)
    speaker.client.send(speaker.client.rtcp(report, _core.write_bye(speaker.client.ssrc)))
    world.run(20)
    assert world.engine.speakers == 1  # it goes on checking
