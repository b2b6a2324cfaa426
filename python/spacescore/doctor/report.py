"""Findings as people read them, in a terminal."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import groupby

from spacescore.doctor.checks import Finding, Level
from spacescore.doctor.facts import Facts

__all__ = ["report"]

NAME_WIDTH = 16
SIGNS = {Level.OK: ("✓", "32"), Level.WARNING: ("!", "33;1"), Level.PROBLEM: ("✗", "31;1")}
BOLD, DIM, COMMAND = "1", "2", "36"


def report(findings: Sequence[Finding], facts: Facts, *, color: bool, width: int = 100) -> str:
    """Return all of it: what is wrong stands out, its command can be copied whole."""

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color else text

    cpu = facts.cpu
    machine = f"{facts.kernel} · {cpu.model}, {cpu.cores} core{'s' * (cpu.cores != 1)}"
    lines = ["", f"  {paint('spacescore ' + version('spacescore'), BOLD)}  {paint(machine, DIM)}"]
    for group, members in groupby(findings, key=lambda finding: finding.group):
        lines += ["", f"  {paint(group, BOLD)}"]
        for finding in members:
            sign, code = SIGNS[finding.level]
            first, *more = _wrapped(finding.text, width)
            name = f"{finding.name:{NAME_WIDTH}}"
            lines.append(f"  {paint(sign, code)} {paint(name, DIM)}{first}")
            indent = " " * (4 + NAME_WIDTH)
            lines += [indent + line for line in more]
            if finding.fix:
                lines.append(f"{indent}{paint('→', DIM)} {paint(finding.fix, COMMAND)}")
    return "\n".join([*lines, "", f"  {' · '.join(_verdict(findings, paint))}", ""])


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width - 4 - NAME_WIDTH, 30)) or [""]


def _verdict(findings: Sequence[Finding], paint: Callable[[str, str], str]) -> Iterator[str]:
    counts = Counter(finding.level for finding in findings)
    for level, word in ((Level.PROBLEM, "problem"), (Level.WARNING, "warning")):
        if counts[level]:
            yield paint(f"{counts[level]} {word}{'s' * (counts[level] != 1)}", SIGNS[level][1])
    yield paint(f"{counts[Level.OK]} fine", SIGNS[Level.OK][1])
