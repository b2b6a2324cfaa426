"""The audit book and the outbox, in every driver."""

from dataclasses import replace

import pytest

from paper_stage import NOW
from spacescore.errors import ConflictError
from spacescore.rooms import facts
from spacescore.rooms.acts import Act, Party
from spacescore.rooms.facts import Details
from spacescore.rooms.room import Room
from spacescore.store import Entry, Head, Home, Letter, open_store

A, B = Home("a", "https://a.example"), Home("b")
ACTS = [
    Act(f"{n:03}", NOW + n, "demo", "k1" if n % 2 else "k2", "x", Party("a"), detail={"n": n})
    for n in range(6)
]


def letter(number: int, **more) -> Letter:
    known = {"endpoint": "https://a.example/", "body": "{}", "made": NOW, "due": NOW}
    return Letter(id=f"{number:03}", event=f"e{number}", **(known | more))


def test_acts_are_read_by_page_and_space_and_forgotten_when_they_are_old(store):
    store.audit.add(ACTS)
    assert store.audit.page(None, "", 10) == ACTS[::-1]
    assert store.audit.page("k1", "005", 10) == [ACTS[3], ACTS[1]]
    assert store.audit.forget(NOW + 4) == 4
    assert [act.id for act in store.audit.page(None, "", 10)] == ["005", "004"]


def test_acts_and_letters_are_written_with_the_facts_or_not_at_all(store):
    made = [Entry(1, NOW, "operator", facts.Created("demo", Details("x")))]
    head = Head.of("k1", Room.of((entry.fact, NOW) for entry in made))
    store.append(head, made, ACTS[:1], [letter(1)])
    with pytest.raises(ConflictError):
        store.append(head, made, ACTS[1:2], [letter(2)])
    assert store.audit.page(None, "", 10) == ACTS[:1]
    assert store.outbox.counts() == {"https://a.example/": (1, 0)}


@pytest.mark.parametrize("where", ["sqlite", "postgres"], indirect=True)
def test_both_survive_a_restart(where):
    store = open_store(where)
    store.audit.add(ACTS)
    store.outbox.add([letter(1, tries=2, dead=True, error="HTTP 500")])
    store.close()
    store = open_store(where)
    assert store.audit.page(None, "", 10) == ACTS[::-1]
    assert store.outbox.dead("", 10) == [letter(1, tries=2, dead=True, error="HTTP 500")]
    store.close()


def test_letters_come_when_they_are_due_and_to_one_who_claims_them(store):
    outbox = store.outbox
    outbox.add([letter(1, due=NOW + 5), letter(2), letter(3, endpoint="b"), letter(4, due=NOW - 1)])
    first, second = outbox.due("https://a.example/", NOW, 10)
    assert (first.id, second.id) == ("004", "002")
    assert outbox.claim(first, NOW + 10)
    assert not outbox.claim(first, NOW + 20)
    assert [one.id for one in outbox.due("https://a.example/", NOW + 6, 10)] == ["002", "001"]
    assert [one.id for one in outbox.due("https://a.example/", NOW + 10, 1)] == ["002"]
    outbox.settle(second)
    assert outbox.get("002") is None
    assert not outbox.claim(second, NOW + 10)


def test_the_dead_are_listed_revived_and_forgotten(store):
    outbox = store.outbox
    outbox.add([letter(n) for n in range(4)])
    for n in (1, 2, 3):
        outbox.put_back(letter(n, tries=9, dead=True, error="HTTP 500"))
    assert [one.id for one in outbox.dead("", 2)] == ["003", "002"]
    assert [one.id for one in outbox.dead("002", 2)] == ["001"]
    assert outbox.counts() == {"https://a.example/": (1, 3)}
    assert [one.id for one in outbox.due("https://a.example/", NOW, 9)] == ["000"]
    outbox.put_back(replace(outbox.get("003"), dead=False, tries=0))
    assert [one.id for one in outbox.due("https://a.example/", NOW, 9)] == ["000", "003"]


def test_an_open_space_has_one_home_until_it_is_silent(store):
    made = [Entry(1, NOW, "operator", facts.Created("demo", Details("x")))]
    made.append(Entry(2, NOW, "operator", facts.Opened()))
    store.append(Head.of("k1", Room.of((entry.fact, entry.at) for entry in made)), made)
    assert store.homes(NOW + 5) == {}
    assert store.hold(["k1", "none"], A, NOW, NOW + 10) == {"k1"}
    assert store.hold(["k1"], B, NOW + 9, NOW + 20) == set()
    assert store.hold(["k1"], A, NOW + 9, NOW + 20) == {"k1"}
    assert store.homes(NOW + 19) == {"k1": A}
    assert store.homes(NOW + 20) == {}
    assert store.hold(["k1"], B, NOW + 20, NOW + 30) == {"k1"}
    assert store.hold(["k1"], A, NOW + 20, NOW + 30) == set()
    assert store.homes(NOW + 29) == {"k1": B}
    store.release("b")
    assert store.homes(NOW + 21) == {}


def test_neither_the_waiting_nor_the_dead_grow_without_end(store):
    outbox = store.outbox
    outbox.add([letter(n, dead=n % 2 == 1) for n in range(10)])
    outbox.add([letter(20, endpoint="b")])
    assert outbox.trim("https://a.example/", waiting=3, dead=2) == 5
    assert [one.id for one in outbox.due("https://a.example/", NOW, 9)] == ["004", "006", "008"]
    assert [one.id for one in outbox.dead("", 9)] == ["009", "007"]
    assert outbox.trim("https://a.example/", waiting=3, dead=2) == 0
    assert outbox.counts()["b"] == (1, 0)
