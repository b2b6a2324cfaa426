"""fanout/media/mixer: everybody hears the others, nobody hears himself."""

import numpy as np
import pytest

from spacescore._native import _core

TONES = {1: 500.0, 2: 900.0, 3: 1_300.0}


class Ear:
    """One listener: what it was sent, decoded by its one decoder."""

    def __init__(self):
        self.decoder = _core.OpusDecoder()
        self.heard = []

    def take(self, packet: bytes) -> None:
        self.heard.append(self.decoder.decode(packet))

    def level(self, hertz: float, frames: slice) -> float:
        """Level of a tone in dB below full scale."""
        part = np.concatenate(self.heard[frames])
        wave = np.exp(-2j * np.pi * hertz * np.arange(part.size) / 48_000) * np.hanning(part.size)
        return float(20 * np.log10(4 * abs(part @ wave) / part.size + 1e-9))


def mixer_with(*peers: int, **config: int):
    mixer = _core.Mixer(bitrate=64_000, **config)
    for peer in peers:
        mixer.add(peer)
    return mixer


def talk(mixer, voices, audible, ears=None):
    """Runs ticks; `ears` by peer (0: a listener) get what they would be sent."""
    results = []
    for tick in range(len(next(iter(voices.values())))):
        for peer, frames in voices.items():
            mixer.set_voice(peer, frames[tick])
        shared, minus = mixer.mix(audible)
        for peer, ear in (ears or {}).items():
            ear.take(minus.get(peer, shared))
        results.append((shared, minus))
    return results


def test_each_of_three_hears_exactly_the_other_two(tone):
    voices = {peer: tone(hertz, 50, 0.25) for peer, hertz in TONES.items()}
    ears = {peer: Ear() for peer in (0, 1, 2, 3)}
    talk(mixer_with(1, 2, 3), voices, [1, 2, 3], ears)
    late = slice(20, 50)
    for me, ear in ears.items():
        for peer, hertz in TONES.items():
            level = ear.level(hertz, late)
            if peer == me:
                assert level < -50
            else:
                assert level == pytest.approx(-12, abs=1.5)


def test_what_a_speaker_is_sent_does_not_depend_on_what_he_says(tone, speech):
    """Mix-minus to the bit: with or without the own voice, the own packets are the same."""
    others = {peer: tone(TONES[peer], 20, 0.25) for peer in (2, 3)}
    mine = speech(1, 20, peak=0.125)
    mine[0] = 0  # fades round
    sent = []
    for own in (np.zeros_like(mine), mine):
        # Multiples of 2^-12: sums of such numbers are exact, whatever the order.
        exact = {p: np.round(v * 4096) / 4096 for p, v in {1: own, **others}.items()}
        results = talk(mixer_with(1, 2, 3), exact, [1, 2, 3])
        sent.append([minus[1] for _, minus in results[1:]])
    assert sent[0][5:] == sent[1][5:]


def test_only_who_is_audible_gets_a_mix_of_his_own(tone):
    voices = {peer: tone(hertz, 3) for peer, hertz in TONES.items()}
    mixer = mixer_with(1, 2, 3)
    assert set(talk(mixer, voices, [1, 2])[-1][1]) == {1, 2}
    assert set(talk(mixer, voices, [])[-1][1]) == set()


def test_who_fades_out_gets_his_own_mix_during_the_fade(tone):
    mixer = mixer_with(1, 2)
    voices = {peer: tone(TONES[peer], 5) for peer in (1, 2)}
    talk(mixer, voices, [1, 2])
    leaving, after = talk(mixer, voices, [2])[:2]
    assert set(leaving[1]) == {1, 2}
    assert set(after[1]) == {2}


def test_nobody_speaking_costs_single_bytes():
    mixer = mixer_with(1, 2, 3)
    sizes = [len(mixer.mix([])[0]) for _ in range(50)]
    assert sizes[20:].count(1) >= 25


def test_a_lone_speaker_is_sent_single_bytes(tone):
    results = talk(mixer_with(1), {1: tone(500, 50)}, [1])
    assert [len(minus[1]) for _, minus in results[20:]].count(1) >= 25
    assert min(len(shared) for shared, _ in results) > 20


def test_strangers_are_ignored(tone):
    mixer = mixer_with(1)
    mixer.set_voice(9, tone(500, 1)[0])
    mixer.remove(9)
    assert mixer.mix([9])[1] == {}


def test_adding_twice_is_adding_once(tone):
    mixer = mixer_with(1, 1)
    mixer.set_voice(1, tone(500, 1)[0])
    assert set(mixer.mix([1, 1])[1]) == {1}
    mixer.remove(1)
    assert mixer.mix([1])[1] == {}
    assert mixer.mix([1])[1] == {}


def heard_steps(mixer, ticks) -> float:
    ear = Ear()
    for voices, audible in ticks:
        for peer, frame in voices.items():
            mixer.set_voice(peer, frame)
        ear.take(mixer.mix(audible)[0])
    return float(np.abs(np.diff(np.concatenate(ear.heard))).max())


@pytest.mark.parametrize("how", ["leaves", "stops sending", "is removed"])
def test_no_click_when_a_voice(tone, how):
    """A 100 Hz tone has slope 0.0065 at most: a cut at its crest would be a step of 0.4."""
    mixer = mixer_with(1)
    frames = tone(112.5, 40, 0.5)  # ends a frame at the crest
    ticks = [({1: frame}, [1]) for frame in frames]
    assert heard_steps(mixer, ticks) < 0.02
    if how == "is removed":
        mixer.remove(1)
    gone = [] if how == "leaves" else [1]
    assert heard_steps(mixer, [({}, gone)] * 5) < 0.02


def test_a_frame_with_a_nan_falls_silent(tone):
    mixer = mixer_with(1, 2)
    broken = np.full(960, np.nan, np.float32)
    ear = Ear()
    for frame in tone(500, 30, 0.25):
        mixer.set_voice(1, frame)
        mixer.set_voice(2, broken)
        ear.take(mixer.mix([1, 2])[0])
    assert ear.level(500, slice(10, 30)) == pytest.approx(-12, abs=1.5)


def test_the_same_input_makes_the_same_packets(speech):
    voices = {peer: speech(peer, 30, peak=1.0) for peer in (1, 2, 3)}
    assert talk(mixer_with(1, 2, 3), voices, [1, 2, 3]) == talk(
        mixer_with(1, 2, 3), voices, [1, 2, 3]
    )


def test_three_shouting_speakers_decode_without_wrapping(speech):
    voices = {peer: speech(peer, 100, peak=1.0) for peer in (1, 2, 3)}
    ears = {0: Ear(), 1: Ear()}
    talk(mixer_with(1, 2, 3), voices, [1, 2, 3], ears)
    for me, ear in ears.items():
        mixed = np.sum([v for peer, v in voices.items() if peer != me], axis=0).ravel()
        heard = np.concatenate(ear.heard)
        spectra = [np.abs(np.fft.rfft(sound)) for sound in (mixed, heard)]  # Opus turns phases
        assert np.corrcoef(spectra)[0, 1] > 0.95


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match=r"complexity.*: 11$"):
        _core.Mixer(complexity=11)


def test_passing_from_the_shared_packets_to_the_own_ones_is_smooth(speech):
    """Peer 2, silent, becomes audible while 1 talks: its decoder changes encoders unharmed."""
    errors = []
    for seed in range(8):
        frames, ears = speech(seed, 60), {0: Ear(), 2: Ear()}
        mixer = mixer_with(1, 2)
        talk(mixer, {1: frames[:40]}, [1], ears)
        talk(mixer, {1: frames[40:]}, [1, 2], ears)
        around = slice(40 * 960 - 168, 40 * 960 + 792)  # the seam, 312 samples on, in its middle
        there, here = (
            np.abs(np.fft.rfft(np.concatenate(ears[ear].heard)[around] * np.hanning(960)))
            for ear in (0, 2)
        )
        errors.append(np.linalg.norm(there - here) / np.linalg.norm(there))
    assert np.median(errors) < 0.2
