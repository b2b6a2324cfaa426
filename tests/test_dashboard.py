"""The dashboard and the alerts: every name in them is exported, every query answers.

Queries are asked of a real Prometheus that scrapes a running service, where Debian's `prometheus`
is installed.
"""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from served import Served
from spacescore._native import _core
from spacescore.metrics import Metrics

PACKAGING = Path(__file__).resolve().parent.parent / "packaging"
OPERATIONS = PACKAGING.parent / "docs" / "operations.md"
RULES = PACKAGING / "prometheus" / "spacescore.rules.yml"
DASHBOARD = json.loads((PACKAGING / "grafana" / "spacescore.json").read_text())
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
NAME = re.compile(r"\b(?:spacescore|process)_[a-z0-9_]+")
CONFIG = """
global: {{scrape_interval: 500ms, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: spacescore
    scheme: https
    tls_config: {{insecure_skip_verify: true}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
PATIENCE = 30.0
needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="no Prometheus here: apt-get install prometheus"
)
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool here: apt-get install prometheus"
)


def exported(engine) -> set[str]:
    metrics = Metrics(engine, "node-1")
    metrics.tell_certificate(0)
    lines = metrics.exposition().decode().splitlines()
    return {re.match(r"\w+", line)[0] for line in lines if not line.startswith("#")}


def test_every_name_in_the_dashboard_and_the_alerts_is_exported(engine):
    rules = re.sub(r"#.*", "", RULES.read_text())
    named = {name for text in [*QUERIES.values(), rules] for name in NAME.findall(text)}
    counted = {"spacescore_http_requests_total"}  # from the first request on
    assert named - exported(engine) - counted == set()


def test_every_alert_is_explained():
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    assert alerts == set(re.findall(r"`(Spacescore\w+)`", OPERATIONS.read_text()))


def test_panels_do_not_overlap_and_each_has_its_number():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@needs_promtool
def test_promtool_takes_the_rules():
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def series(name: str, values: str, labels: str = 'node="a"') -> str:
    return f"      - {{series: '{name}{{{labels}}}', values: '{values}'}}"


FIRES = {
    "SpacescoreDown": (["up"], ["0x20"], 'job="spacescore", instance="a"'),
    "SpacescoreLate": (["spacescore_ticks_late_total"], ["0+60x20"], 'node="a"'),
    "SpacescoreRelief": (["spacescore_relief"], ["2x20"], 'node="a"'),
    "SpacescoreJoinsFail": (
        ["spacescore_handshakes_failed_total", "spacescore_handshakes_started_total"],
        ["0+6x20", "0+100x20"],
        'node="a"',
    ),
    "SpacescoreCertificateExpires": (
        ["spacescore_tls_expiry_timestamp_seconds"],
        ["1000000x20"],
        'node="a"',
    ),
    "SpacescoreOffAir": (["spacescore_spaces_off_air"], ["1x20"], 'node="a"'),
    "SpacescoreFull": (
        ["spacescore_dropped_datagrams_total"],
        ["0+9x20"],
        'node="a", reason="node_full"',
    ),
}
STAYS_QUIET = {
    "SpacescoreDown": "1x20",
    "SpacescoreLate": "5x20",
    "SpacescoreRelief": "0x20",
    "SpacescoreOffAir": "0x20",
    "SpacescoreJoinsFail": "0x20",
    "SpacescoreCertificateExpires": "9000000x20",
    "SpacescoreFull": "7x20",
}


@needs_promtool
@pytest.mark.parametrize("fires", [True, False], ids=["fires", "stays quiet"])
@pytest.mark.parametrize("alert", FIRES)
def test_an_alert_fires_when_it_should_and_not_otherwise(tmp_path, alert, fires):
    names, values, labels = FIRES[alert]
    values = values if fires else [STAYS_QUIET[alert]] * len(names)
    lines = [series(name, value, labels) for name, value in zip(names, values, strict=True)]
    (tmp_path / "rules.yml").write_text(RULES.read_text())
    (tmp_path / "test.yml").write_text(
        "rule_files: [rules.yml]\ntests:\n  - interval: 1m\n    input_series:\n"
        + "\n".join(lines)
        + "\n    promql_expr_test:\n"
        + f'      - expr: count(ALERTS{{alertname="{alert}", alertstate="firing"}})\n'
        + "        eval_time: 19m\n"
        + "        exp_samples: "
        + ("[{value: 1}]\n" if fires else "[]\n")
    )
    command = ["promtool", "test", "rules", tmp_path / "test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A running one."""

    def __init__(self, folder: Path, scraped: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(rules=RULES, port=scraped))
        options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        command = ["prometheus", *options, f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        query = urlencode({"query": expression})
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success"
        return told["data"]["result"]

    def wait_for(self, expression: str) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.ask(expression):
                    return
            except URLError:
                assert self.process.poll() is None, "it has ended"
            time.sleep(0.2)
        raise AssertionError(f"{expression} stays empty")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    made = _core.Certificate.generate()
    (folder / "c.pem").write_text(made.certificate_pem)
    (folder / "k.pem").write_text(made.private_key_pem)
    files = ["--tls-cert", str(folder / "c.pem"), "--tls-key", str(folder / "k.pem")]
    served = Served(folder / "data", "--demo", *files)
    running = Prometheus(folder, served.port)
    try:
        running.wait_for('count_over_time(up{job="spacescore"}[10s]) >= 6')
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)
        served.end()


@needs_prometheus
@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_dashboard_has_an_answer(prometheus, query):
    expression = QUERIES[query].replace("$__rate_interval", "10s").replace("$node", ".*")
    found = prometheus.ask(expression)
    assert found, expression
    assert all(float(each["value"][1]) >= 0 for each in found), found


@needs_prometheus
def test_a_service_that_does_nothing_alarms_nobody_but_for_its_certificate(prometheus):
    found = prometheus.ask('ALERTS{alertstate="firing"}')
    assert {each["metric"]["alertname"] for each in found} <= {"SpacescoreCertificateExpires"}
