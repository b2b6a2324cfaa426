"""`python -m spacescore`."""

from spacescore.cli import main

main(prog_name="spacescore")
