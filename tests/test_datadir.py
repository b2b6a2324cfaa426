"""What is on disk: who may read it, what a second start finds, what damage says."""

import os
import stat

import pytest

from spacescore.datadir import CERTIFICATE_SECONDS, DataDir
from spacescore.errors import StartupError

NOW = 1_800_000_000.0


@pytest.fixture
def data(tmp_path) -> DataDir:
    return DataDir(tmp_path / "node" / "data")


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_readable_by_its_owner_only(data):
    data.operator_keys()
    data.ticket_keys()
    data.certificate(lambda: ("certificate", "key"), NOW)
    data.write_node({})
    files = [path for path in data.path.iterdir() if path.is_file()]
    assert len(files) == 5
    assert {mode(path) for path in files} == {0o600}
    assert mode(data.path) == mode(data.recordings) == 0o700


def test_keys_are_drawn_once(data):
    assert data.operator_keys() == DataDir(data.path).operator_keys()
    assert data.ticket_keys() == DataDir(data.path).ticket_keys()
    assert len(data.ticket_keys()[0][1]) == 32


def test_an_operator_rotates_keys_by_adding_a_line(data):
    (first,) = data.operator_keys()
    data.operator_key_path.write_text(f"new-key-of-the-operator\n{first}\n")
    assert data.operator_keys() == ["new-key-of-the-operator", first]


@pytest.mark.parametrize("text", ["", "1", "x " + "00" * 32, "1 " + "00" * 31, "256 " + "00" * 32])
def test_a_damaged_ticket_key_is_named(data, text):
    (data.path / "ticket.key").write_text(text)
    with pytest.raises(StartupError, match=r"ticket\.key"):
        data.ticket_keys()


def test_an_empty_operator_key_is_named(data):
    data.operator_key_path.write_text("\n")
    with pytest.raises(StartupError, match=r"operator\.key"):
        data.operator_keys()


def test_a_certificate_is_kept_while_it_is_young(data):
    made = iter([("c1", "k1"), ("c2", "k2")])
    assert data.certificate(lambda: next(made), NOW) == ("c1", "k1")
    os.utime(data.path / "certificate.pem", (NOW, NOW))
    assert data.certificate(lambda: next(made), NOW + CERTIFICATE_SECONDS - 1) == ("c1", "k1")
    assert data.certificate(lambda: next(made), NOW + CERTIFICATE_SECONDS) == ("c2", "k2")


def test_a_certificate_without_its_key_is_made_anew(data):
    made = iter([("c1", "k1"), ("c2", "k2")])
    data.certificate(lambda: next(made), NOW)
    (data.path / "private_key.pem").unlink()
    assert data.certificate(lambda: next(made), NOW) == ("c2", "k2")


def test_a_recording_never_gets_the_name_of_another(data):
    first = data.new_recording("demo", NOW)
    assert first.name == "demo-2027-01-15T08-00-00Z.opus"
    second = data.new_recording("demo", NOW)
    assert second.name == "demo-2027-01-15T08-00-00Z-2.opus"
    first.touch()
    second.touch()
    assert DataDir(data.path).new_recording("demo", NOW).name == "demo-2027-01-15T08-00-00Z-3.opus"


def test_one_node_at_a_time(data):
    data.lock()
    other = DataDir(data.path)
    with pytest.raises(StartupError, match="Another node"):
        other.lock()
    data.unlock()
    data.unlock()
    other.lock()
    other.unlock()


def test_what_the_node_noted_is_read_again(data):
    with pytest.raises(StartupError, match=r"node\.json"):
        data.read_node()
    data.write_node({"pid": 1})
    assert data.read_node() == {"pid": 1}
    (data.path / "node.json").write_text("[")
    with pytest.raises(StartupError, match="damaged"):
        data.read_node()


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(StartupError, match="cannot be used"):
        DataDir(tmp_path / "data")
