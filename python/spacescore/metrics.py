"""Metrics for Prometheus, read from the media core when somebody scrapes.

Labelled by node only, never by space or person: a launch has a million of those.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from spacescore.engine import Engine
from spacescore.errors import EngineClosedError, UnknownSpaceError
from spacescore.packet_time import PACKET_TIMES

__all__ = ["Metrics"]

_TIERS = (f"listeners_{each}ms" for each in PACKET_TIMES)
_GAUGES = frozenset({"listeners", "speakers", "handshakes", "relief", *_TIERS})
_DROPPED = "dropped_"
LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class EngineCollector(Collector):
    """One engine's counters, as they are now."""

    def __init__(self, engine: Engine, node: str) -> None:
        self._engine = engine
        self._node = node

    def describe(self) -> list[Metric]:
        """Nothing is promised before the first scrape: the names are the core's."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read every counter once."""
        try:
            counters, spaces = self._engine.counters(), len(self._engine.spaces)
            speech = self._speech()
        except EngineClosedError:
            return
        drops = CounterMetricFamily(
            "spacescore_dropped_datagrams",
            "Datagrams that died, by reason.",
            labels=["node", "reason"],
        )
        yield self._gauge("spaces", spaces)
        for name, value in speech.items():
            yield self._gauge(name, value)
        for name, value in sorted(counters.items()):
            if name.startswith(_DROPPED):
                drops.add_metric([self._node, name.removeprefix(_DROPPED)], value)
            elif name in _GAUGES:
                yield self._gauge(name, value)
            else:
                yield self._counter(name, value)
        yield drops

    def _speech(self) -> dict[str, int]:
        """How well those are heard here who speak now, all of them together."""
        found = dict.fromkeys(("packets_received", "packets_lost", "concealed_samples"), 0)
        for space in self._engine.spaces:
            with suppress(UnknownSpaceError):  # closed meanwhile
                for speaker in self._engine.stats(space.slug).speakers:
                    for name in found:
                        found[name] += getattr(speaker, name)
        return {f"speech_{name}": value for name, value in found.items()}

    def _gauge(self, name: str, value: int) -> Metric:
        family = GaugeMetricFamily(f"spacescore_{name}", f"{_words(name)} now.", labels=["node"])
        family.add_metric([self._node], value)
        return family

    def _counter(self, name: str, value: int) -> Metric:
        family = CounterMetricFamily(
            f"spacescore_{name}", f"{_words(name)} since the start.", labels=["node"]
        )
        family.add_metric([self._node], value)
        return family


class Metrics:
    """What one HTTP front exports."""

    def __init__(self, engine: Engine, node: str, off_air: Callable[[], int] = lambda: 0) -> None:
        """off_air: how many spaces ought to be on air here, and are not."""
        self._expiry: Gauge | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(EngineCollector(engine, node))
        self._requests = Counter(
            "spacescore_http_requests",
            "HTTP requests answered, by status.",
            ["node", "status"],
            registry=self._registry,
        )
        self._by_status: dict[int, Counter] = {}
        self._restarts = Counter(
            "spacescore_http_restarts",
            "Times the HTTP server was started again after a failure.",
            ["node"],
            registry=self._registry,
        ).labels(node)
        self._refused = Counter(
            "spacescore_http_connections_refused",
            "Connections closed at once: as many as there may be were open.",
            ["node"],
            registry=self._registry,
        ).labels(node)
        self._latency = Histogram(
            "spacescore_http_request_seconds",
            "From a request's head to the answer's.",
            ["node"],
            buckets=LATENCY_BUCKETS,
            registry=self._registry,
        ).labels(node)
        self._lag = Histogram(
            "spacescore_loop_lag_seconds",
            "How late the event loop wakes up who slept.",
            ["node"],
            buckets=LATENCY_BUCKETS,
            registry=self._registry,
        ).labels(node)
        Gauge(
            "spacescore_spaces_off_air",
            "Spaces that ought to be on air here, and are refused by the engine.",
            ["node"],
            registry=self._registry,
        ).labels(node).set_function(off_air)
        ProcessCollector(registry=self._registry)
        self._bad_certificates = Counter(
            "spacescore_tls_reload_failures",
            "Times the TLS files changed to something that does not work.",
            ["node"],
            registry=self._registry,
        ).labels(node)
        self._webhooks = Counter(
            "spacescore_webhook_tries",
            "Tries to deliver a webhook, by outcome: delivered, failed, or dead for good.",
            ["node", "outcome"],
            registry=self._registry,
        )
        self._node = node

    def tell_certificate(self, expires: float) -> None:
        """Say until when the TLS certificate is valid; who serves none has no such metric."""
        if self._expiry is None:
            self._expiry = Gauge(
                "spacescore_tls_expiry_timestamp_seconds",
                "When the TLS certificate expires, Unix time.",
                ["node"],
                registry=self._registry,
            ).labels(self._node)
        self._expiry.set(expires)

    def count_bad_certificate(self) -> None:
        """Count a new TLS pair that does not work."""
        self._bad_certificates.inc()

    def count_webhook(self, outcome: str) -> None:
        """Count a try to deliver a webhook."""
        self._webhooks.labels(self._node, outcome).inc()

    def count_request(self, status: int, seconds: float = 0.0) -> None:
        """Count an answered request, and how long the answer took."""
        counted = self._by_status.get(status)
        if counted is None:  # looking up a label takes as long as an answer that is kept
            counted = self._by_status[status] = self._requests.labels(self._node, str(status))
        counted.inc()
        self._latency.observe(seconds)

    def note_lag(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._lag.observe(max(seconds, 0.0))

    def count_restart(self) -> None:
        """Count a restart of the HTTP server."""
        self._restarts.inc()

    def count_refused(self) -> None:
        """Count a connection that found no place."""
        self._refused.inc()

    def exposition(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self._registry)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
