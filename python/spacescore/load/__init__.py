"""A load generator: virtual listeners and speakers, for rehearsals, benches and tests.

    plan = LoadPlan("http://127.0.0.1:8080/s/demo", listeners=1000, speakers=1)
    report = run(plan)
    assert report.ok, report.complaints

Listeners are real as far as a server can tell: ICE checks, DTLS, SRTP, receiver reports.
"""

from spacescore.load.plan import Door, LoadPlan, Profile, Ramp, start_times
from spacescore.load.report import LoadReport
from spacescore.load.requests import LoadError
from spacescore.load.runner import Progress, run
from spacescore.load.summary import progress_line, summary

__all__ = [
    "Door",
    "LoadError",
    "LoadPlan",
    "LoadReport",
    "Profile",
    "Progress",
    "Ramp",
    "progress_line",
    "run",
    "start_times",
    "summary",
]
