"""What Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from spacescore.metrics import Metrics


def test_every_counter_of_the_core_is_exported_under_the_node_only(engine):
    engine.create_space("demo")
    metrics = Metrics(engine, "node-1")
    metrics.count_request(200)
    metrics.count_request(200)
    metrics.count_restart()
    families = {f.name: f for f in text_string_to_metric_families(metrics.exposition().decode())}
    for family in families.values():
        for sample in family.samples:
            assert sample.labels.pop("node") == "node-1"
            assert set(sample.labels) <= {"reason", "status"}
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
