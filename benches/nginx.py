"""nginx as a process of one's own, with what packaging/nginx says, before a service on loopback."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["nginx_before"]

RECIPE = Path(__file__).resolve().parent.parent / "packaging" / "nginx" / "spacescore.conf"
FRAME = """
daemon off; master_process off; pid {at}/pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fcgi;
  uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
  {recipe}
}}
"""


@contextmanager
def nginx_before(port: int, at: Path) -> Iterator[int]:
    """Run it before the service at `port`; return its own. Skips where there is no nginx."""
    binary = shutil.which("nginx")
    if binary is None:
        pytest.skip("needs nginx: apt install nginx")
    own = free_port()
    recipe = RECIPE.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    recipe = recipe.replace("listen 443 ssl", f"listen 127.0.0.1:{own}")
    recipe = recipe.replace("/var/cache/nginx/spacescore", str(at / "cache"))
    recipe = re.sub(r"\n +ssl_certificate.*", "", recipe)
    (at / "nginx.conf").write_text(FRAME.format(at=at, recipe=recipe))
    with subprocess.Popen([binary, "-p", str(at), "-c", str(at / "nginx.conf")]) as process:
        try:
            await_port(own, process)
            yield own
        finally:
            process.terminate()


def free_port() -> int:
    """Return a TCP port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when somebody listens there."""
    for _ in range(100):
        assert process.poll() is None, "nginx ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("nginx does not listen")
