"""What the service counts, for Prometheus: never a query, a record, or a name from one."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """The counters of one application.

    Parameters
    ----------
    waiting : callable
        Returns how many queries wait for their turn.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "bonemet_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "bonemet_request_seconds",
            "Time from the request to the last byte of the answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._broken = Counter(
            "bonemet_partial_answers",
            "Answers broken off after their first byte was sent.",
            registry=self._registry,
        )
        self._feedback = Counter(
            "bonemet_card_feedback",
            "What became of cards of CDS Hooks.",
            ("service", "outcome", "reason"),
            registry=self._registry,
        )
        gauge = Gauge("bonemet_waiting_queries", "Queries that wait for their turn.", registry=self._registry)
        gauge.set_function(waiting)

    def count(self, method: str, route: str, status: int, seconds: float, *, complete: bool) -> None:
        """Count one request.

        Parameters
        ----------
        route : str
            Its path with the names of what varies, so that no identifier is kept.
        seconds : float
            How long it took [s].
        complete : bool
            Whether the answer was sent to its end.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if not complete:
            self._broken.inc()

    def count_feedback(self, service: str, outcome: str, reason: str) -> None:
        """Count what became of one card, by our own words alone."""
        self._feedback.labels(service, outcome, reason).inc()

    def text(self) -> bytes:
        """Return the counters in the text format of Prometheus."""
        return generate_latest(self._registry)
