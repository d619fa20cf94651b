import re

import aiohttp
import pytest

from shared.observe import metrics
from shared.observe.http import Server, health_application, metrics_application, parse_address

RESULTS = ("success", "error", "requeue", "requeue_after")
TROUBLE = ("_errors", "_panics", "_timeouts")
TERMINAL = 'controller_runtime_terminal_reconcile_errors_total{controller="silent"} 0.0'


@pytest.fixture
async def fetch():
    servers = []
    async with aiohttp.ClientSession() as session:

        async def get(application, path):
            server = Server(application, "127.0.0.1", 0)
            servers.append(server)
            await server.start()
            async with session.get(f"http://127.0.0.1:{server.port}{path}") as answer:
                return answer.status, answer.headers["Content-Type"], await answer.text()

        yield get
        for server in servers:
            await server.stop()


@pytest.mark.parametrize("path", ["/healthz", "/healthz/ping", "/readyz", "/readyz/ping"])
async def test_probes_answer_ok(fetch, path):
    status, _, text = await fetch(health_application(), path)
    assert (status, text) == (200, "ok")


async def test_a_scrape_is_prometheus_text_without_what_nobody_asked_for(fetch):
    metrics.reconcile_total.labels("kustomization", "success").inc()
    status, kind, text = await fetch(metrics_application(), "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert 'controller_runtime_reconcile_total{controller="kustomization",result="success"}' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text


def test_a_controller_shows_its_counters_before_it_counts_anything():
    metrics.begin("silent", 4)
    text = metrics.exposition()[0].decode()
    prefix = "controller_runtime_reconcile"
    for name in (
        *(f'{prefix}_total{{controller="silent",result="{result}"}}' for result in RESULTS),
        *(f'{prefix}{kind}_total{{controller="silent"}}' for kind in TROUBLE),
    ):
        assert f"{name} 0.0" in text
    assert TERMINAL in text
    assert 'controller_runtime_max_concurrent_reconciles{controller="silent"} 4.0' in text


def test_what_stock_dashboards_ask_a_go_program_is_answered():
    text = metrics.exposition()[0].decode()
    (size,) = re.findall(r"^go_memstats_alloc_bytes (\S+)$", text, re.MULTILINE)
    (resident,) = re.findall(r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE)
    assert 0 < float(size) < float(resident)
    assert 'go_info{version="none"} 1.0' in text


def test_series_of_a_forgotten_object_are_gone_and_others_stay():
    for name in ("gone-object", "other-object"):
        metrics.reconcile_duration.labels("Kustomization", name, "apps").observe(1)
    metrics.forget("Kustomization", "apps", "gone-object")
    metrics.forget("Kustomization", "apps", "never-seen")
    text = metrics.exposition()[0].decode()
    assert "gone-object" not in text
    assert "other-object" in text


def test_durations_have_the_buckets_of_flux():
    metrics.reconcile_duration.labels("Kustomization", "buckets", "apps").observe(1)
    text = metrics.exposition()[0].decode()
    bounds = re.findall(r'_bucket{kind="Kustomization",le="([^"]+)",name="buckets"', text)
    assert len(bounds) == 11
    assert float(bounds[0]) == pytest.approx(0.01)
    assert float(bounds[-2]) == pytest.approx(1800)
    metrics.forget("Kustomization", "apps", "buckets")


@pytest.mark.parametrize(
    ("text", "parts"),
    [(":8080", (None, 8080)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80))],
)
def test_addresses(text, parts):
    assert parse_address(text, "--metrics-addr") == parts


@pytest.mark.parametrize("text", ["8080", "host", ":many", ":70000", ""])
def test_bad_addresses_name_their_flag(text):
    with pytest.raises(ValueError, match="--metrics-addr"):
        parse_address(text, "--metrics-addr")
