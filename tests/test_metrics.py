"""What Prometheus reads."""

import trio
from prometheus_client.parser import text_string_to_metric_families

from spacescore.metrics import Metrics
from spacescore.watches import measure_lag


def test_every_counter_of_the_core_is_exported_under_the_node_only(engine):
    engine.create_space("demo")
    metrics = Metrics(engine, "node-1")
    metrics.count_request(200)
    metrics.count_request(200)
    metrics.count_restart()
    families = {f.name: f for f in text_string_to_metric_families(metrics.exposition().decode())}
    ours = [family for family in families.values() if family.name.startswith("spacescore_")]
    for family in ours:
        for sample in family.samples:
            assert sample.labels.pop("node") == "node-1"
            assert set(sample.labels) <= {"reason", "status", "le"}
    assert families["spacescore_spaces"].samples[0].value == 1
    assert families["spacescore_listeners"].type == "gauge"
    assert families["spacescore_speech_packets_lost"].samples[0].value == 0
    assert families["spacescore_packets_sent"].type == "counter"
    assert families["spacescore_http_restarts"].samples[0].value == 1
    drops = {sample.labels["reason"] for sample in families["spacescore_dropped_datagrams"].samples}
    assert {"bad_ticket", "malformed_stun", "forged_rtp"} <= drops
    for name in engine.counters():
        if not name.startswith("dropped_"):
            assert f"spacescore_{name}" in families


def test_a_closed_engine_exports_what_is_left(engine):
    metrics = Metrics(engine, "node-1")
    engine.close()
    assert b"spacescore_listeners" not in metrics.exposition()
    assert b"spacescore_http_restarts_total" in metrics.exposition()


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_latencies_fall_into_buckets(engine):
    metrics = Metrics(engine, "node-1")
    for seconds in (0.0004, 0.04, 3.0):
        metrics.count_request(200, seconds)
        metrics.note_lag(seconds)
    metrics.note_lag(-0.001)
    found = samples(metrics)
    requests, lag = "spacescore_http_request_seconds", "spacescore_loop_lag_seconds"
    assert found[f"{requests}_count", ""] == 3
    assert found[f"{requests}_bucket", "0.05"] == 2
    assert found[f"{lag}_bucket", "0.0005"] == 2
    assert found[f"{lag}_bucket", "5.0"] == 4


def test_who_serves_no_certificate_has_no_expiry(engine):
    metrics = Metrics(engine, "node-1")
    assert b"tls_expiry" not in metrics.exposition()
    metrics.tell_certificate(1_800_000_000)
    metrics.tell_certificate(1_900_000_000)
    assert samples(metrics)["spacescore_tls_expiry_timestamp_seconds", ""] == 1_900_000_000


def test_the_loops_lateness_is_noted(autojump):
    noted: list[float] = []

    async def main():
        with trio.move_on_after(1.1):
            await measure_lag(noted.append)

    trio.run(main, clock=autojump)
    assert noted == [0.0] * 4
