"""A space on paper: commands go in at a time of one's choosing, and only the state is kept."""

from dataclasses import replace

from spacescore.policy import OPERATOR, Caller, Grant, Role
from spacescore.rooms.commands import Command, Create, EnterStage, Meet, Note, Open
from spacescore.rooms.facts import Details, Fact, dump, load
from spacescore.rooms.room import Room
from spacescore.rooms.rules import decide

NOW = 1_800_000_000.0


def grant(role: Role | str, peer: int, name: str = "", **more) -> Grant:
    return Grant("demo", Role(role), peer, name or f"{role} {peer}", int(NOW) + 86_400, **more)


HOST, COHOST, OTHER = grant("host", 1), grant("cohost", 2), grant("cohost", 3)
ADA, BOB = grant("speaker", 4, "Ada"), grant("speaker", 5, "Bob")
EVE, JOE = grant("listener", 6, "Eve"), grant("listener", 7, "Joe")


class Stage:
    """One room and a clock that is moved by hand."""

    def __init__(self, **details) -> None:
        self.now = NOW
        self.room = Room()
        self.online: set[int] = set()
        self.history: list[tuple[Fact, float]] = []
        self.do(OPERATOR, Create("demo", Details("Demo", **details), HOST))

    def do(self, by: Caller, command: Command) -> list[str]:
        """Give a command; return the kinds of the facts it made."""
        made = decide(self.room, command, by, self.now)
        for fact in made:
            self.room = self.room.after(fact, self.now)
            self.history.append((load(*dump(fact)), self.now))
        return [type(fact).__name__ for fact in made]

    def open(self) -> "Stage":
        self.do(OPERATOR, Open())
        return self

    def meet(self, *people: Grant) -> "Stage":
        for who in people:
            self.do(None, Meet(who))
        return self

    def seat(self, *people: Grant) -> "Stage":
        """Put people on stage, connected."""
        for who in people:
            self.do(who, EnterStage())
            self.online.add(who.peer)
        self.pass_time(0)
        return self

    def lose(self, *people: Grant) -> None:
        self.online -= {who.peer for who in people}

    def pass_time(self, seconds: float) -> list[str]:
        """Let the clock go on by `seconds`, and then have it looked at."""
        self.now += seconds
        return self.do(None, Note(frozenset(self.online)))

    def role(self, who: Grant) -> Role:
        return self.room.people[who.peer].role


def again(who: Grant, peer: int) -> Grant:
    """The same identity with another token."""
    return replace(who, peer=peer)
