"""Jitter buffers side by side: links, policies, scores.

`read_trace` and `link` give traces; `compare` plays them by every policy that can be had here and
counts what a listener gets. docs/jitter.md tells how it is counted and what came of it.
"""

from spacescore.jitterlab.comparison import POLICIES, compare, names_here, play, summary
from spacescore.jitterlab.generators import LINKS, link
from spacescore.jitterlab.playback import Playback, Score, score
from spacescore.jitterlab.readers import TraceError, read_trace
from spacescore.jitterlab.trace import Trace

__all__ = [
    "LINKS",
    "POLICIES",
    "Playback",
    "Score",
    "Trace",
    "TraceError",
    "compare",
    "link",
    "names_here",
    "play",
    "read_trace",
    "score",
    "summary",
]
