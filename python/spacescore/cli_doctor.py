"""`spacescore doctor` on the command line."""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import click

from spacescore.cli_serve import CONFIG_HELP, configuration, fail

__all__ = ["doctor"]

PROBLEMS = 1


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help=CONFIG_HELP)
@click.option("--json", "as_json", is_flag=True, help="A JSON array of findings.")
def doctor(config: Path | None, as_json: bool) -> None:
    """Look whether this machine is fit for the evening, and say what makes it so.

    Nothing is changed. Exits with 0 when there is no problem, warnings or not, with 1 when there
    is, and with 2 when the configuration itself is wrong.
    """
    from spacescore.doctor import Level, examine, gather, report
    from spacescore.errors import SpacescoreError

    try:
        facts = gather(configuration({}, config).settings)
    except SpacescoreError as error:
        fail(str(error))
    findings = examine(facts)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = min(shutil.get_terminal_size().columns, 110)
        click.echo(report(findings, facts, color=sys.stdout.isatty(), width=width))
    sys.exit(PROBLEMS if any(finding.level is Level.PROBLEM for finding in findings) else 0)
