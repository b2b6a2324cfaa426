"""How findings look."""

import re

from fit_machine import FIT
from spacescore.doctor import Finding, Level, examine, report

ANSI = re.compile(r"\x1b\[[0-9;]*m")
COMMAND = "echo 'net.core.rmem_max = 8388608' | sudo tee -a /etc/sysctl.d/60-spacescore.conf " * 2
FINDINGS = [
    Finding("Network", "TCP port", Level.OK, "TCP port 8080 is free."),
    Finding("Network", "receive buffer", Level.WARNING, "It is small indeed. " * 8, COMMAND),
    Finding("Pages", "TLS", Level.PROBLEM, "It has expired.", "certbot renew"),
]


def test_sentences_are_wrapped_below_each_other_and_commands_stay_whole():
    lines = report(FINDINGS, FIT, color=False, width=80).splitlines()
    wrapped = [line for line in lines if "small" in line]
    assert len(wrapped) > 1
    columns = {
        line.index("It") if "!" in line else len(line) - len(line.lstrip()) for line in wrapped
    }
    assert len(columns) == 1
    assert all(len(line) <= 80 for line in lines if "→" not in line)
    assert f"→ {COMMAND.rstrip()}" in "\n".join(lines)


def test_each_group_has_one_title_and_the_verdict_comes_last():
    text = report(FINDINGS, FIT, color=False)
    assert text.count("\n  Network\n") == text.count("\n  Pages\n") == 1
    assert text.rstrip().endswith("1 problem · 1 warning · 1 fine")
    assert "Linux 6.1 · EPYC, 4 cores" in text


def test_colour_adds_nothing_but_colour():
    plain = report(FINDINGS, FIT, color=False)
    painted = report(FINDINGS, FIT, color=True)
    assert painted != plain
    assert ANSI.sub("", painted) == plain


def test_a_fit_machine_is_told_so_in_one_screen():
    text = report(examine(FIT), FIT, color=False)
    assert len(text.splitlines()) <= 30
    assert re.search(r"\n  \d+ fine\n?$", text)
