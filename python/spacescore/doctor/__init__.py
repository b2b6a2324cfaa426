"""`spacescore doctor`: is this machine fit for the evening, and if not, what makes it so.

`gather` looks at the machine and writes down facts; `checks` are pure and make findings of them;
`report` shows those.
"""

from spacescore.doctor.checks import Finding, Level, examine
from spacescore.doctor.facts import Facts
from spacescore.doctor.gather import gather
from spacescore.doctor.report import report

__all__ = ["Facts", "Finding", "Level", "examine", "gather", "report"]
