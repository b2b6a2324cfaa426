"""Settings from a file, the environment and options: who goes first, and what is said when one
of them is wrong."""

import re
from pathlib import Path

import pytest

from spacescore import config
from spacescore.config import configure
from spacescore.errors import StartupError
from spacescore.settings import Settings, shown

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "spacescore.toml"


@pytest.fixture(autouse=True)
def no_default_file(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "DEFAULT_FILE", tmp_path / "absent.toml")


@pytest.fixture
def file(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "spacescore.toml"
        path.write_text(text)
        return path

    return write


def mistakes(*sources) -> list[str]:
    with pytest.raises(StartupError) as caught:
        configure(*sources)
    return str(caught.value).splitlines()


def test_nothing_said_is_the_defaults():
    found = configure({}, {}, None)
    assert found.settings == Settings()
    assert set(found.sources.values()) == {"default"}


def test_an_option_goes_before_the_environment_that_before_the_file(file):
    path = file('port = 1\nudp_port = 2\n\nhost = "h"\n')
    environment = {"SPACESCORE_UDP_PORT": "3", "SPACESCORE_PORT": "4", "PATH": "/bin"}
    found = configure({"port": "5", "announce": ()}, environment, path)
    assert (found.settings.port, found.settings.udp_port, found.settings.host) == (5, 3, "h")
    assert found.sources["port"] == "--port"
    assert found.sources["udp_port"] == "SPACESCORE_UDP_PORT"
    assert found.sources["host"] == f"{path}:4"
    assert found.sources["announce"] == "default"


def test_a_source_of_every_type_gives_the_same(file):
    path = file(
        'data = "/d"\ndemo = true\nworkers = 4\npacket_time = 60\nannounce = ["192.0.2.1", "::1"]'
    )
    environment = {
        "SPACESCORE_DATA": "/d",
        "SPACESCORE_DEMO": "true",
        "SPACESCORE_WORKERS": "4",
        "SPACESCORE_PACKET_TIME": "60",
        "SPACESCORE_ANNOUNCE": "192.0.2.1  ::1",
    }
    options = {
        "data": "/d",
        "demo": True,
        "workers": "4",
        "packet_time": "60",
        "announce": ("192.0.2.1", "::1"),
    }
    wanted = Settings(
        data=Path("/d"), demo=True, workers=4, packet_time=60, announce=("192.0.2.1", "::1")
    )
    for sources in [({}, {}, path), ({}, environment, None), (options, {}, None)]:
        assert configure(*sources).settings == wanted


def test_the_usual_file_is_read_where_it_exists(file, monkeypatch):
    monkeypatch.setattr(config, "DEFAULT_FILE", file("port = 9"))
    assert configure({}, {}, None).settings.port == 9


def test_the_environment_may_name_the_file_and_an_option_another(file, tmp_path):
    path, other = file("port = 9"), tmp_path / "other.toml"
    other.write_text("port = 10")
    environment = {"SPACESCORE_CONFIG": str(path)}
    assert configure({}, environment, None).settings.port == 9
    assert configure({}, environment, other).settings.port == 10


def test_a_flag_of_the_file_can_be_taken_back(file):
    assert configure({"demo": False}, {}, file("demo = true")).settings.demo is False


def test_every_mistake_is_told_at_once_with_its_place_and_what_is_allowed(file):
    path = file(
        'data = "/d"\nprot = 1\n\nport = "x"\nannounce = [\n  "192.0.2.1",\n]\n'
        'packet_time = 30\ndemo = "yes"\n[hosts]\nport = 1\n'
    )
    environment = {"SPACESCORE_WORKERS": "65", "SPACESCORE_UDP_PROT": "1"}
    assert mistakes({"max_listeners": "0"}, environment, path) == [
        "SPACESCORE_UDP_PROT: there is no such setting: did you mean SPACESCORE_UDP_PORT?",
        f"{path}:2: prot: there is no such setting: did you mean port?",
        f"{path}:10: hosts: there is no such setting: did you mean host?",
        "--max-listeners: this has to be a whole number from 1 to 536870911, not '0'.",
        "SPACESCORE_WORKERS: this has to be a whole number from 1 to 64, not '65'.",
        f"{path}:4: port: this has to be a whole number from 0 to 65535, not 'x'.",
        f"{path}:8: packet_time: this has to be one of auto, 20, 40, 60, 120, not 30.",
        f"{path}:9: demo: this has to be true or false, not 'yes'.",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("port = true", "a whole number"),
        ("port = 8080.0", "a whole number"),
        ('port = "8080"', "a whole number"),
        ("data = 5", "a path"),
        ('data = ""', "a path"),
        ("host = 5", "a text"),
        ('announce = "192.0.2.1"', "a list of texts"),
        ("announce = [1]", "a list of texts"),
        ("demo = 1", "true or false"),
        ('keep_recordings = "x"', "a number from 0 up"),
    ],
)
def test_a_file_has_types(file, text, reason):
    (line,) = mistakes({}, {}, file(text))
    assert reason in line


def test_what_is_overridden_has_to_be_right_as_well(file):
    (line,) = mistakes({"port": "1"}, {}, file("port = -1"))
    assert ":1: port" in line


def test_a_setting_that_resembles_none_lists_them(file):
    (line,) = mistakes({}, {}, file("zzzzzz = 1"))
    assert line.endswith("demo.")
    assert "udp_port, " in line


def test_a_file_that_is_none_is_named(file, tmp_path):
    (line,) = mistakes({}, {}, tmp_path / "nowhere.toml")
    assert "nowhere.toml cannot be read" in line
    (line,) = mistakes({}, {}, file("port = = 1"))
    assert re.search(r"no TOML: .*line 1", line)


def test_a_wrong_secret_is_not_repeated(file):
    (line,) = mistakes({}, {}, file('operator_key = ["hunter2"]'))
    assert "hunter2" not in line


def test_secrets_are_not_shown():
    assert "hunter2" not in shown("operator_key", "hunter2")
    told = shown("ice_servers", ("stun:a", "turn:b,ada,hunter2,more"))
    assert told == "stun:a turn:b,ada,(hidden)"


def test_the_example_is_the_defaults_and_names_every_setting():
    text = EXAMPLE.read_text()
    assert configure({}, {}, EXAMPLE).settings == Settings()
    named = re.findall(r"^(?:# )?([a-z_]+) = ", text, re.MULTILINE)
    assert sorted(named) == sorted(Settings.__struct_fields__)


def test_what_is_commented_out_in_the_example_is_right_too(file):
    text = re.sub(r"^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert configure({}, {}, file(text)).settings.workers == 4
