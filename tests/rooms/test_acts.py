"""What facts amount to for those who read of it later: nothing that happens is left out."""

from dataclasses import fields

import pytest

from paper_stage import ADA, BOB, COHOST, EVE, HOST, JOE, NOW, Stage
from spacescore.policy import OPERATOR
from spacescore.rooms import acts, commands, facts
from spacescore.rooms.acts import Act, Party, act_of, is_moderation
from spacescore.rooms.facts import Pin
from spacescore.rooms.room import Room
from spacescore.rooms.rules import decide
from spacescore.store.base import party

LINK = ("l1", "d1", HOST.role.SPEAKER, int(NOW) + 900, 2)
KINDS = {kind.__name__ for kind in commands.Command.__args__}


class Told(Stage):
    """A stage whose acts are kept."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.given: set[str] = set()
        super().__init__()

    def do(self, by, command) -> list[str]:
        self.given.add(type(command).__name__)
        room = self.room
        for number, fact in enumerate(decide(room, command, by, self.now)):
            self.acts.append(
                act_of(room, fact, party(by), number=str(number), at=self.now, key="k")
            )
            room = room.after(fact, self.now)
        return super().do(by, command)

    def audited(self) -> list[tuple[str, str, str]]:
        shown = [act for act in self.acts if is_moderation(act)]
        return [(act.by.name or act.by.identity, act.what, act.whom.name) for act in shown]


@pytest.fixture
def evening() -> Told:
    """Every command there is, each by somebody to somebody else where it can be."""
    stage = Told().open().meet(COHOST, ADA, BOB, EVE, JOE)
    stage.seat(HOST, COHOST, ADA, BOB)
    stage.do(EVE, commands.RaiseHand())
    stage.do(HOST, commands.LowerHand(EVE.peer))
    stage.do(COHOST, commands.OfferStage(EVE.peer))
    stage.do(EVE, commands.AnswerOffer(True))
    stage.do(HOST, commands.GiveRole(ADA.peer, HOST.role.COHOST))
    stage.do(HOST, commands.GiveRole(ADA.peer, HOST.role.SPEAKER))
    stage.do(HOST, commands.Mute(BOB.peer))
    stage.do(HOST, commands.Mute(BOB.peer, False))
    stage.do(BOB, commands.Mute(BOB.peer))
    stage.do(COHOST, commands.MuteAll())
    stage.do(COHOST, commands.Remove(JOE.peer))
    stage.do(HOST, commands.Block(BOB.peer))
    stage.do(HOST, commands.Unblock(BOB.who))
    stage.do(HOST, commands.MakeLink(*LINK))
    stage.do(None, commands.UseLink("d1", 50, "#50", "Zoe"))
    stage.do(HOST, commands.RevokeLink("l1"))
    stage.do(HOST, commands.PinLinks((Pin("x", "https://example.org"),)))
    stage.do(HOST, commands.KeepDoor("paced", 60.0))
    stage.do(HOST, commands.Edit({"title": "Another"}))
    stage.do(HOST, commands.HandOver(COHOST.peer))
    stage.do(COHOST, commands.End())
    return stage


def test_every_kind_of_fact_amounts_to_something():
    assert set(acts._WHAT) == set(facts.Fact.__args__)
    assert {name for name in acts._WHAT.values() if isinstance(name, str)} >= acts.QUIET | acts._OWN


def test_every_command_is_walked_and_every_act_on_others_is_audited(evening):
    assert evening.given == KINDS
    host, cohost = HOST.name, COHOST.name
    assert evening.audited() == [
        ("operator", "space.planned", ""),
        ("operator", "host.named", host),
        ("operator", "space.opened", ""),
        (host, "hand.lowered", EVE.name),
        (cohost, "offer.made", EVE.name),
        (host, "person.promoted", "Ada"),
        (host, "person.demoted", "Ada"),
        (host, "speaker.muted", "Bob"),
        (host, "speaker.unmuted", "Bob"),
        (cohost, "speaker.muted", "Ada"),
        (cohost, "speaker.muted", EVE.name),
        (cohost, "person.removed", JOE.name),
        (host, "person.blocked", "Bob"),
        (host, "person.removed", "Bob"),
        (host, "person.unblocked", "Bob"),
        (host, "invite.made", ""),
        (host, "invite.revoked", ""),
        (host, "links.pinned", ""),
        (host, "door.kept", ""),
        (host, "space.edited", ""),
        (host, "host.named", cohost),
        (cohost, "space.ended", ""),
    ]


def test_what_is_not_audited_people_did_for_themselves(evening):
    for act in evening.acts:
        if not is_moderation(act):
            quiet = act.what in acts.QUIET | acts._OWN
            assert quiet or act.by.identity == "node" or act.by.peer == act.whom.peer, act


def test_no_code_of_an_invitation_is_told(evening):
    assert "d1" not in str(evening.acts)
    made = next(act for act in evening.acts if act.what == "invite.made")
    assert made.detail == {"link": "l1", "role": "speaker", "expires": LINK[3], "uses": 2}


def test_a_host_who_takes_over_by_the_rules_is_audited():
    act = act_of(
        Room("demo"), facts.HostNamed(3, "took over"), Party("node"), number="1", at=NOW, key="k"
    )
    assert is_moderation(act)
    assert act.detail == {"why": "took over"}


def test_names_are_those_before_the_act():
    stage = Told().open().meet(ADA)
    stage.do(OPERATOR, commands.Remove(ADA.peer))
    assert stage.acts[-1].whom == Party(ADA.who, "Ada", ADA.peer)
    assert {each.name for each in fields(Act)} >= {"by", "whom", "what", "at", "space", "outcome"}
