"""The command line, as far as it does not need a running node."""

import base64
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from spacescore import Engine
from spacescore._native import _core
from spacescore.admission import cohort_of
from spacescore.cli import main
from spacescore.datadir import DataDir
from spacescore.errors import UnauthenticatedError
from spacescore.rooms.lifetime import MAX_TTL_SECONDS
from spacescore.spaces import space_id
from spacescore.tokens import KeyRing, TokenKey


def run(*arguments: str, **options) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(a) for a in arguments], **options)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def serve_once() -> Iterator[Callable[[int, bytes], str]]:
    """``serve_once(status, body)`` answers one request so, at the address it returns."""
    servers = []

    def serve(status: int, body: bytes) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = HTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in servers:
        thread.join()
        server.server_close()


def test_the_version_is_told_without_loading_the_service():
    code = (
        "import sys; from spacescore.cli import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "heavy = {'trio', 'starlette', 'anycorn', 'numpy', 'jwt', 'spacescore._core'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout == f"spacescore, version {version('spacescore')}\n", done.stderr


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["check-config"], ["ticket"], ["token"], ["load"]]
)
def test_every_command_has_help(command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert out.startswith("Usage:")


def test_a_token_of_the_folders_key_verifies(tmp_path):
    with Engine(host="127.0.0.1", port=0, data=tmp_path) as engine:
        keys = KeyRing(engine.data.operator_keys())
        now = engine._clock()
    code, out, _ = run("token", "demo", "--role", "host", "--name", "Ada", "--data", tmp_path)
    assert code == 0
    grant = keys.verify(out.strip(), now=now)
    assert (grant.space, grant.role, grant.name) == ("demo", "host", "Ada")
    assert grant.peer > 0


def test_a_pass_is_a_link_that_shows_the_node_and_is_no_token(tmp_path):
    data = DataDir(tmp_path)
    data.write_node({"pid": 1, "url": "https://rooms.test", "candidates": []})
    ring = KeyRing(data.operator_keys())
    code, out, _ = run("pass", "--ttl", "60", "--data", tmp_path)
    assert code == 0
    url, _, shown = out.strip().partition("#token=")
    assert url == "https://rooms.test/operations"
    assert ring.is_pass(shown, now=time.time())
    with pytest.raises(UnauthenticatedError):
        ring.verify(shown, now=time.time())


def test_a_token_of_the_environments_key_verifies(tmp_path):
    key = "a key from the environment"
    code, out, _ = run("token", "demo", "--data", tmp_path, env={"SPACESCORE_OPERATOR_KEY": key})
    assert code == 0
    header = out.split(".")
    assert len(header) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["token", "demo", "--data", "/nowhere"], "no data folder"),
        (["token", "No Slug", "--operator-key", "x" * 20], "a-z"),
        (["token", "demo", "--operator-key", "short"], "16"),
        (["token", "demo", "--operator-key", "x" * 20, "--ttl", "99999999"], "token lives"),
        (["ticket", "demo", "--data", "/nowhere"], "no data folder"),
        (["ticket", "demo", "--url", "ftp://x"], "no http"),
        (["ticket", "demo", "--url", "http://127.0.0.1:1"], "cannot be asked"),
        (["ticket", "No Slug", "--url", "http://127.0.0.1:1"], "a-z"),
        (["serve", "--ice-server", "nonsense"], "STUN"),
        (["serve", "--workers", "65"], "--workers: this has to be a whole number from 1 to 64"),
        (["serve", "--workers", "-1"], "--workers: this has to be a whole number from 1 to 64"),
        (["serve", "--config", "/nowhere.toml"], "/nowhere.toml cannot be read"),
        (["doctor", "--config", "/nowhere.toml"], "/nowhere.toml cannot be read"),
        (["check-config", "/nowhere.toml"], "/nowhere.toml cannot be read"),
        (["load"], "--ticket"),
        (["load", "ftp://host/s/demo"], "no http"),
        (["load", "http://127.0.0.1:1/s/demo"], "refused"),
        (["load", "http://127.0.0.1:1/demo"], "no space's page"),
        (["load", "http://127.0.0.1:1/janus", "--door", "janus"], "mountpoint"),
        (["load", "http://127.0.0.1:1/whep", "--door", "whep", "-n", "9000000"], "descriptors"),
        (["load", "http://127.0.0.1:1/s/demo", "-n", "0"], "At least one"),
        (["load", "http://127.0.0.1:1/s/demo", "--over", "-1"], "ramp"),
        (["load", "http://127.0.0.1:1/s/demo", "--over", "inf"], "ramp"),
        (["load", "http://127.0.0.1:1/s/demo", "--over", "1e300"], "ramp"),
        (["load", "http://127.0.0.1:1/s/demo", "--join-timeout", "inf"], "join timeout"),
        (["load", "http://127.0.0.1:1/s/demo", "--duration", "inf"], "duration"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, reason):
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert reason in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("body", [b"<h1>Bad gateway</h1>", b"[1]", b""])
@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_is_no_ticket_is_a_line_too(serve_once, status, body):
    code, out, err = run("ticket", "demo", "--url", serve_once(status, body))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_a_ticket_does_not_outlive_what_it_stands_on(tmp_path):
    code, _, err = run("ticket", "demo", "--data", tmp_path, "--ttl", MAX_TTL_SECONDS + 1)
    assert code == 2
    assert "--ttl" in err


def test_a_ticket_is_minted_without_asking_the_node(tmp_path):
    with Engine(host="127.0.0.1", port=0, data=tmp_path) as engine:
        candidate = {"ip": "203.0.113.1", "port": 7881, "protocol": "udp"}
        engine.data.write_node({"candidates": [candidate]})
        code, out, _ = run("ticket", "later", "--json", "--data", tmp_path)
        assert code == 0
        ticket = json.loads(out)
        assert ticket["fingerprint"] == engine.fingerprint
        assert ticket["password"] == engine._node.password(ticket["ticket"])
        assert ticket["candidates"] == [candidate]
        keys = _core.TicketKeys()
        for number, key in engine.data.ticket_keys():
            keys.add(number, key)
        opened = keys.open(_core.make_ufrag(ticket["ticket"], bytes(12), 111), unix_us=0)
        assert (opened.space, opened.role) == (space_id("later"), "listener")
        assert opened.space & 0xFFFFFFFF == ticket["ssrc"]


def test_a_folder_on_which_no_node_ran_has_no_tickets(tmp_path):
    code, _, err = run("ticket", "demo", "--data", tmp_path)
    assert code == 2
    assert "node.json" in err


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"candidates": 7}'])
def test_a_ticket_that_is_none_is_a_line_too(text):
    code, out, err = run("load", "--ticket", "-", input=text)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "ticket" in err


def test_load_reports_to_people_and_as_json(tmp_path):
    with Engine(host="127.0.0.1", port=0) as engine:
        engine.create_space("demo")
        ticket = json.dumps(engine.ticket("demo").to_dict())
        arguments = ["load", "--ticket", "-", "-n", "3", "--over", "0", "--duration", "0"]
        code, out, err = run(*arguments, "--json", "-", input=ticket)
        assert (code, json.loads(out)["joins"]["joined"]) == (0, 3)
        assert "3 of 3" in err
        code, out, _ = run(*arguments, "--json", tmp_path / "report.json", input=ticket)
        assert json.loads((tmp_path / "report.json").read_text())["ok"]
        assert "3 of 3" in out


def test_load_does_not_begin_when_its_report_has_nowhere_to_go():
    code, out, err = run("load", "http://127.0.0.1:1/s/demo", "--json", "/nowhere/report.json")
    assert (code, out) == (2, "")
    assert "/nowhere/report.json" in err
    assert "refused" not in err


def test_load_fails_when_nobody_gets_in():
    with Engine(host="127.0.0.1", port=0) as engine:
        engine.create_space("demo")
        ticket = engine.ticket("demo").to_dict() | {"fingerprint": ":".join(["00"] * 32)}
        arguments = ["load", "--ticket", "-", "-n", "2", "--over", "0"]
        code, out, _ = run(*arguments, input=json.dumps(ticket))
    assert code == 1
    assert "2 wrong certificate" in out


def test_check_config_shows_what_is_in_effect_and_from_where(tmp_path):
    file = tmp_path / "spacescore.toml"
    file.write_text('port = 9\noperator_key = "hunter2hunter2hunter2"\n')
    code, out, _ = run("check-config", file, env={"SPACESCORE_UDP_PORT": "7"})
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["port", "9", f"{file}:1"] in rows
    assert ["udp_port", "7", "SPACESCORE_UDP_PORT"] in rows
    assert ["host", "127.0.0.1", "default"] in rows
    assert "hunter2" not in out


def test_check_config_says_whose_word_is_taken_and_refuses_what_is_no_network(tmp_path):
    file = tmp_path / "spacescore.toml"
    file.write_text('trusted_proxies = ["10.0.0.0/8"]')
    assert "x-forwarded-for when it comes from 10.0.0.0/8" in run("check-config", file)[1]
    file.write_text("trusted_proxies = []")
    assert "no proxy is believed" in run("check-config", file)[1]
    file.write_text('trusted_proxies = ["proxy.local"]')
    code, _, err = run("check-config", file)
    assert (code, "'proxy.local' is not an address" in err) == (2, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('tls_cert = "c.pem"', "both --tls-cert and --tls-key"),
        ('announce = ["example.org"]', "example.org"),
        ('ice_servers = ["http://x"]', "no STUN or TURN URL"),
        ('public_url = "nonsense"', "nonsense"),
        ('operator_key = "short"', "16"),
        ('udp_host = "nonsense"', "nonsense"),
        ("pace_least = 30.0", "not 30 to 20"),
    ],
)
def test_check_config_looks_at_what_values_mean(tmp_path, line, reason):
    (tmp_path / "spacescore.toml").write_text(line)
    code, _, err = run("check-config", tmp_path / "spacescore.toml")
    assert code == 2
    assert reason in err


def test_tokens_and_tickets_are_made_with_what_is_configured(tmp_path):
    with Engine(host="127.0.0.1", port=0, data=tmp_path / "data") as engine:
        keys = KeyRing(engine.data.operator_keys())
        now = engine._clock()
    file = tmp_path / "spacescore.toml"
    file.write_text(f'data = "{tmp_path}/data"')
    code, out, _ = run("token", "demo", env={"SPACESCORE_CONFIG": str(file)})
    assert code == 0
    assert keys.verify(out.strip(), now=now).space == "demo"
    file.write_text('operator_key = "a key of the file, long"')
    code, out, _ = run("token", "demo", env={"SPACESCORE_CONFIG": str(file)})
    assert KeyRing(["a key of the file, long"]).verify(out.strip(), now=now).space == "demo"


def test_the_doctor_speaks_to_people_and_to_programs(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (tmp_path / "c.toml").write_text(
            f'data = "{tmp_path}"\nport = 0\nudp_host = "127.0.0.1"\nudp_port = {port}\n'
        )
        code, out, _ = run("doctor", "--config", tmp_path / "c.toml")
        assert code == 1
        assert f"UDP 127.0.0.1:{port} is taken" in " ".join(out.split())
        code, out, _ = run("doctor", "--json", "--config", tmp_path / "c.toml")
        assert code == 1
    found = {each["name"]: each for each in json.loads(out)}
    assert found["UDP port"]["level"] == "problem"
    assert found["UDP port"]["fix"].startswith("sudo ss ")


def test_keys_rotate_on_the_command_line(tmp_path):
    data = DataDir(tmp_path)
    (first,) = data.operator_keys()
    at = ("--data", tmp_path)
    _, out, _ = run("keys", "add", *at)
    fresh = out.strip()
    _, listed, _ = run("keys", "list", *at)
    assert listed.splitlines()[0] == f"{fresh}  issues"
    assert data.operator_keys()[1] == first
    _, secret, _ = run("keys", "secret", fresh, *at)
    assert base64.b64decode(secret) == TokenKey.derive(data.operator_keys()[0]).secret
    assert data.operator_keys()[0] not in secret
    old = TokenKey.derive(first).id
    assert run("keys", "retire", old, *at)[0] == 0
    assert first not in data.operator_keys()
    for wrong in (old, fresh):
        code, _, why = run("keys", "retire", wrong, *at)
        assert (code, "key" in why) == (2, True)


def test_a_token_may_name_an_identity_and_take_the_voice(tmp_path):
    keys = KeyRing(DataDir(tmp_path).operator_keys())
    options = ["--identity", "ada@example.org", "--mute", "--role", "cohost"]
    _, out, _ = run("token", "demo", *options, "--data", tmp_path)
    grant = keys.verify(out.strip(), now=time.time())
    assert (grant.who, grant.can_publish, grant.role) == ("ada@example.org", False, "cohost")


def test_a_listener_of_the_press_is_let_in_first(tmp_path):
    keys = KeyRing(DataDir(tmp_path).operator_keys())
    options = ["--role", "listener", "--first", "--data", tmp_path]
    drawn = [run("token", "demo", *options)[1].strip() for _ in range(4)]
    assert {cohort_of(keys.verify(each, now=time.time()).peer) for each in drawn} == {0}
