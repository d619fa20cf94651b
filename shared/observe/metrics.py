"""The Prometheus metrics of all controllers, with the names that existing dashboards read.

The definitions live in one registry of this module; nothing else in Headrace touches prometheus_client.
Series that carry an object's name are removed with the object (`forget`), so that a scrape never grows with
the past.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from shared.observe.resources import ResourceInfo

# Otherwise every counter and histogram has a second series that no dashboard reads.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY: Final = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


def _exponential(start: float, end: float, count: int) -> tuple[float, ...]:
    factor = (end / start) ** (1 / (count - 1))
    return tuple(start * factor**step for step in range(count))


_QUEUE_BUCKETS = tuple(1e-8 * 10**step for step in range(12))
_RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

reconcile_duration = Histogram(
    "gotk_reconcile_duration_seconds",
    "Duration of a reconciliation of one object.",
    ("kind", "name", "namespace"),
    buckets=_exponential(0.01, 1800, 10),
    registry=REGISTRY,
)
reconcile_total = Counter(
    "controller_runtime_reconcile_total",
    "Reconciliations by result.",
    ("controller", "result"),
    registry=REGISTRY,
)
reconcile_errors = Counter(
    "controller_runtime_reconcile_errors_total",
    "Reconciliations that ended in an error.",
    ("controller",),
    registry=REGISTRY,
)
terminal_errors = Counter(
    "controller_runtime_terminal_reconcile_errors_total",
    "Reconciliations that ended in an error which only an edit of the object can heal.",
    ("controller",),
    registry=REGISTRY,
)
reconcile_panics = Counter(
    "controller_runtime_reconcile_panics_total",
    "Unexpected exceptions that reconciliations raised.",
    ("controller",),
    registry=REGISTRY,
)
reconcile_timeouts = Counter(
    "controller_runtime_reconcile_timeouts_total",
    "Reconciliations that were cut off; here each step has a time limit of its own, so there are none.",
    ("controller",),
    registry=REGISTRY,
)
reconcile_time = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Duration of reconciliations.",
    ("controller",),
    buckets=_RECONCILE_BUCKETS,
    registry=REGISTRY,
)
max_concurrent = Gauge(
    "controller_runtime_max_concurrent_reconciles",
    "Workers per controller.",
    ("controller",),
    registry=REGISTRY,
)
active_workers = Gauge(
    "controller_runtime_active_workers",
    "Workers that are busy.",
    ("controller",),
    registry=REGISTRY,
)
queue_depth = Gauge(
    "workqueue_depth",
    "Keys that wait in a queue.",
    ("name", "controller", "priority"),
    registry=REGISTRY,
)
queue_adds = Counter(
    "workqueue_adds_total", "Keys added to a queue.", ("name", "controller"), registry=REGISTRY
)
queue_retries = Counter(
    "workqueue_retries_total",
    "Keys added to a queue with a back-off.",
    ("name", "controller"),
    registry=REGISTRY,
)
queue_duration = Histogram(
    "workqueue_queue_duration_seconds",
    "How long a key waited in the queue.",
    ("name", "controller"),
    buckets=_QUEUE_BUCKETS,
    registry=REGISTRY,
)
work_duration = Histogram(
    "workqueue_work_duration_seconds",
    "How long processing a key took.",
    ("name", "controller"),
    buckets=_QUEUE_BUCKETS,
    registry=REGISTRY,
)
unfinished_work = Gauge(
    "workqueue_unfinished_work_seconds",
    "How long all that is being processed has been so, in sum.",
    ("name", "controller"),
    registry=REGISTRY,
)
longest_work = Gauge(
    "workqueue_longest_running_processor_seconds",
    "How long the oldest of what is being processed has been so.",
    ("name", "controller"),
    registry=REGISTRY,
)
client_requests = Counter(
    "rest_client_requests_total",
    "Requests to the API server; without an answer the code is <error>.",
    ("code", "method", "host"),
    registry=REGISTRY,
)
leader = Gauge("leader_election_master_status", "1 on the leader.", ("name",), registry=REGISTRY)
events_queued = Gauge(
    "gotk_events_queued",
    "Events that wait to be sent.",
    ("sink",),
    registry=REGISTRY,
)
events_dropped = Counter(
    "gotk_events_dropped_total",
    "Events dropped because a sink was too slow or away.",
    ("sink",),
    registry=REGISTRY,
)
cache_events = Counter(
    "gotk_cache_events_total",
    "How often the index of a Helm repository was known already, or had to be looked through.",
    ("event_type", "name", "namespace"),
    registry=REGISTRY,
)
token_cache_events = Counter(
    "gotk_token_cache_events_total",
    "How often a token for an object was known already, or had to be asked for.",
    ("event_type", "kind", "name", "namespace", "operation"),
    registry=REGISTRY,
)
token_cached_items = Gauge("gotk_token_cached_items", "Tokens that are kept.", registry=REGISTRY)
token_cache_requests = Counter(
    "gotk_token_cache_requests_total", "Requests for tokens by their end.", ("status",), registry=REGISTRY
)
token_cache_evictions = Counter(
    "gotk_token_cache_evictions_total", "Tokens that were dropped to make room.", registry=REGISTRY
)
artifact_requests = Counter(
    "headrace_artifact_requests_total",
    "Requests to the artifact server by status code.",
    ("code",),
    registry=REGISTRY,
)


class Serving:
    """How a server is called; label names are those that dashboards of Flux know."""

    def __init__(self, prefix: str) -> None:
        labels = ("service", "handler", "method", "code")
        self._seconds = Histogram(
            f"{prefix}_request_duration_seconds", "Duration of calls.", labels, registry=REGISTRY
        )
        self._bytes = Histogram(
            f"{prefix}_response_size_bytes",
            "Size of answers.",
            labels,
            buckets=tuple(100.0 * 10**step for step in range(7)),
            registry=REGISTRY,
        )
        self._open = Gauge(
            f"{prefix}_requests_inflight", "Open calls.", ("service", "handler"), registry=REGISTRY
        )
        #: Series by their labels, which take longer to find than all that is done with them.
        self._opened: dict[str, Gauge] = {}
        self._finished: dict[tuple[str, str, int], tuple[Histogram, Histogram]] = {}

    def open(self, handler: str) -> AbstractContextManager[None]:
        """Counts a call as open for as long as the block lasts."""
        series = self._opened.get(handler)
        if series is None:
            series = self._opened[handler] = self._open.labels("", handler)
        return series.track_inprogress()

    def note(self, handler: str, method: str, code: int, seconds: float, size: int) -> None:
        """Takes a finished call in."""
        series = self._finished.get((handler, method, code))
        if series is None:
            labels = ("", handler, method, str(code))
            series = (self._seconds.labels(*labels), self._bytes.labels(*labels))
            self._finished[handler, method, code] = series
        series[0].observe(seconds)
        series[1].observe(size)


events_serving: Final = Serving("gotk_event_http")
webhooks_serving: Final = Serving("gotk_receiver_http")
events_taken = Counter(
    "headrace_events_total",
    "Events that were posted here: matched, unmatched, duplicate, invalid.",
    ("result",),
    registry=REGISTRY,
)
events_known = Gauge(
    "headrace_events_known", "Events that are remembered, to find duplicates.", registry=REGISTRY
)
notifications = Counter(
    "headrace_notifications_total",
    "Notifications by type of the provider and result: delivered, failed, dropped.",
    ("type", "result"),
    registry=REGISTRY,
)
notification_duration = Histogram(
    "headrace_notification_duration_seconds",
    "How long a delivery took, with all its retries.",
    ("type",),
    registry=REGISTRY,
)
notifications_dropped = Counter(
    "headrace_notifications_dropped_total",
    "Notifications that were dropped as their queue was full, or as the controller stopped.",
    ("type",),
    registry=REGISTRY,
)
notification_queue = Gauge(
    "headrace_notification_queue_depth",
    "Notifications that wait for a provider.",
    ("namespace", "name"),
    registry=REGISTRY,
)
webhooks = Counter(
    "headrace_webhooks_total",
    "Webhooks by type of the receiver and result.",
    ("type", "result"),
    registry=REGISTRY,
)
helm_render_duration = Histogram(
    "headrace_helm_render_seconds",
    "Duration of one run of the helm program, by its end.",
    ("result",),
    buckets=_exponential(0.02, 120, 12),
    registry=REGISTRY,
)
helm_storage = Gauge(
    "headrace_helm_storage_bytes",
    "Size of the record of a release that was written last; the API server takes 1 MiB.",
    ("name", "namespace"),
    registry=REGISTRY,
)
helm_drifted = Gauge(
    "headrace_helm_drifted",
    "Objects of a release that differ from the cluster, for releases whose differences are looked for.",
    ("name", "namespace"),
    registry=REGISTRY,
)
image_tags = Gauge(
    "headrace_image_tags", "Tags that the last scan found.", ("namespace", "name"), registry=REGISTRY
)
image_scan_seconds = Histogram(
    "headrace_image_scan_seconds",
    "How long scans of image repositories took.",
    buckets=_RECONCILE_BUCKETS,
    registry=REGISTRY,
)
image_markers_unmatched = Gauge(
    "headrace_image_markers_unmatched",
    "Markers in files for which there is no policy.",
    ("namespace", "name"),
    registry=REGISTRY,
)
go_info = Gauge(
    "go_info",
    "Counts pods on stock dashboards; Headrace is not written in Go.",
    ("version",),
    registry=REGISTRY,
)
go_info.labels("none").set(1)
heap = Gauge(
    "go_memstats_alloc_bytes",
    "Memory of the process that is no file's, under the name that stock dashboards read.",
    registry=REGISTRY,
)
#: What objects are and how they fare; beside the registry, because each kind has labels of its own.
resources: Final = ResourceInfo()


def _private_memory(status: Path = Path("/proc/self/status")) -> float:
    """Bytes in memory that belong to no file; 0 where the system doesn't say."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0.0)


heap.set_function(_private_memory)


def begin(controller: str, workers: int) -> None:
    """Shows all counters of a controller from the start: a rate needs a zero to rise from."""
    max_concurrent.labels(controller).set(workers)
    active_workers.labels(controller).set(0)
    for result in ("success", "error", "requeue", "requeue_after"):
        reconcile_total.labels(controller, result)
    for counter in (reconcile_errors, terminal_errors, reconcile_panics, reconcile_timeouts):
        counter.labels(controller)
    queue_retries.labels(controller, controller)


def forget(kind: str, namespace: str, name: str) -> None:
    """Removes all series that carry the object's name."""
    series: list[tuple[Histogram | Counter | Gauge, tuple[str, ...]]] = [
        (reconcile_duration, (kind, name, namespace))
    ]
    if kind in {"HelmRepository", "HelmChart"}:
        series += [(cache_events, (event, name, namespace)) for event in ("cache_hit", "cache_miss")]
    if kind == "ImageRepository":
        series.append((image_tags, (namespace, name)))
    if kind == "ImageUpdateAutomation":
        series.append((image_markers_unmatched, (namespace, name)))
    series += [
        (token_cache_events, (event, kind, name, namespace, operation))
        for event in ("cache_hit", "cache_miss")
        for operation in ("reconcile", "fetch_kubeconfig", "post")
    ]
    if kind == "HelmRelease":
        series += [(family, (name, namespace)) for family in (helm_storage, helm_drifted)]
    for family, labels in series:
        with suppress(KeyError):
            family.remove(*labels)


def exposition() -> tuple[bytes, str]:
    """Body and content type of a scrape."""
    return generate_latest(REGISTRY) + resources.text(), CONTENT_TYPE_LATEST
