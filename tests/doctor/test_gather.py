"""What the doctor sees of this machine."""

import os
import socket
import struct
import subprocess
import threading

import pytest

from spacescore import Engine
from spacescore._native import _core
from spacescore.doctor import examine, gather
from spacescore.doctor.certificate import look_at
from spacescore.settings import Settings


def settings(tmp_path, **changes: object) -> Settings:
    usual = {"data": tmp_path / "data", "port": 0, "udp_host": "127.0.0.1", "udp_port": 0}
    return Settings(**(usual | changes))


@pytest.fixture
def pair(tmp_path):
    """(certificate, key): valid for 30 days from now."""
    made = _core.Certificate.generate()
    paths = tmp_path / "c.pem", tmp_path / "k.pem"
    for path, text in zip(paths, (made.certificate_pem, made.private_key_pem), strict=True):
        path.write_text(text)
        path.chmod(0o600)
    return paths


def test_this_machine_can_be_looked_at_and_nothing_is_left_behind(tmp_path):
    facts = gather(settings(tmp_path))
    assert facts.cpu.cores >= 1
    assert facts.cpu.srtp
    assert facts.disk.path == str(tmp_path)
    assert facts.disk.free > 0
    assert facts.sysctls["net.core.rmem_max"] > 0
    assert facts.memory > 0
    assert facts.candidates == ("127.0.0.1",)
    assert (facts.tcp.error, facts.udp.error) == ("", "")
    assert examine(facts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_taken_port_is_seen_and_who_has_it(tmp_path, kind):
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        number = other.getsockname()[1]
        facts = gather(settings(tmp_path, port=number, udp_port=number))
    port = facts.tcp if kind == socket.SOCK_STREAM else facts.udp
    assert port.error == "taken"
    assert f"({os.getpid()})" in port.holder
    assert not port.is_ours


def test_the_node_on_the_same_folder_is_known(tmp_path):
    with Engine(host="127.0.0.1", port=0, data=tmp_path / "data") as engine:
        wanted = settings(tmp_path, udp_port=engine.port)
        assert not gather(wanted).udp.is_ours, "nobody has said who runs here"
        engine.data.write_node({"pid": os.getpid()})
        assert gather(wanted).udp.is_ours
    assert gather(wanted).udp.error == ""


def test_an_address_that_is_none_of_ours_is_told(tmp_path):
    facts = gather(settings(tmp_path, host="192.0.2.1"))
    assert "assign" in facts.tcp.error.lower()


def test_a_stun_server_tells_our_address(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer():
            request, client = server.recvfrom(1500)
            kind, length, cookie, transaction = struct.unpack("!HHI12s", request)
            assert (kind, length, cookie) == (1, 0, 0x2112A442)
            server.sendto(_core.write_binding_success(transaction, ("203.0.113.9", 5)), client)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"stun:127.0.0.1:{server.getsockname()[1]}"
        facts = gather(settings(tmp_path, ice_servers=("turn:other,a,b", url)))
        thread.join()
    assert facts.stun.mapped == "203.0.113.9"


def test_a_port_without_a_stun_server_is_told(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        url = f"stun:127.0.0.1:{server.getsockname()[1]}"
    assert "refused" in gather(settings(tmp_path, ice_servers=(url,))).stun.error


def test_without_a_stun_server_nobody_is_asked(tmp_path):
    assert gather(settings(tmp_path, ice_servers=("turn:other,a,b",))).stun is None


def test_a_certificate_is_read_and_its_key_tried(pair):
    found = look_at(*pair)
    assert found.error == ""
    assert found.key_is_private
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-checkend", "2505600", "-in", pair[0]], check=False
    )
    assert told.returncode == 0, "29 days from now it is valid"
    assert found.expires > 0


def test_names_and_an_expiry_in_the_past_are_read(tmp_path):
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:rooms.example.org,IP:192.0.2.1"]
    paths = tmp_path / "c.pem", tmp_path / "k.pem"
    files = ["-nodes", "-days", "-1", "-out", paths[0], "-keyout", paths[1]]
    done = subprocess.run([*made, *names, *files], capture_output=True, check=False)
    if done.returncode:  # an OpenSSL that refuses to write what is over already
        files[2] = "1"
        subprocess.run([*made, *names, *files], capture_output=True, check=True)
    found = look_at(*paths)
    assert found.error == ""
    assert found.names == ("rooms.example.org", "192.0.2.1")


def test_a_key_of_another_certificate_and_files_that_are_none_are_told(pair, tmp_path):
    other = tmp_path / "other.pem"
    other.write_text(_core.Certificate.generate().private_key_pem)
    assert look_at(pair[0], other).error
    assert look_at(tmp_path / "nowhere.pem", pair[1]).error == "No such file or directory"
    pair[0].write_text("no PEM")
    assert look_at(*pair).error
    pair[1].chmod(0o644)
