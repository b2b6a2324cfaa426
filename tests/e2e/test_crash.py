"""What is left when the process is killed while somebody speaks."""

import signal

import numpy as np
import pytest

from served import Served
from sound import RATE, decoded, level
from virtual_peer import speak_by_whip, wait_for
from world import tone

LOST_SECONDS = 1.2  # the page that is open, and what the recorder had not taken yet


def test_a_killed_process_leaves_a_recording_that_plays(served: Served):
    ada = speak_by_whip(served, "Ada").connected()
    ada.say(tone(440))
    wait_for(lambda: ada.client.stats.packets_sent >= 150)
    served.process.send_signal(signal.SIGKILL)
    sent = ada.client.stats.packets_sent
    served.end()
    ada.leave()
    heard = decoded(served.recording)
    assert sent * 0.020 - LOST_SECONDS < heard.size / RATE <= sent * 0.020 + 0.1
    tenths = heard[-RATE:].reshape(10, -1)  # of which a busy machine may spoil some
    assert np.median([level(tenth, 440) for tenth in tenths]) == pytest.approx(-12, abs=1)
