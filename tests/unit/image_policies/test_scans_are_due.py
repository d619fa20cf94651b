"""A scan is due once its interval is over, or at the turn of the interval, which may come a little early."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from image_controllers.reflector.image_repository.scanning import Scanner, adler
from image_controllers.reflector.tags import Tags
from shared.api.decode import decode
from shared.api.image_v1 import EXCLUDED, ImageRepository
from shared.kube.resources import ObjectKey
from shared.runtime.backoff import jittered

NAME = "index.docker.io/org/app"
SCANNED = datetime(2026, 1, 1, tzinfo=UTC)
RAW = {
    "metadata": {"namespace": "ns", "name": "app", "uid": "app", "resourceVersion": "1"},
    "spec": {"image": "org/app", "interval": "10m"},
    "status": {
        "canonicalImageName": NAME,
        "observedExclusionList": list(EXCLUDED),
        "lastScanResult": {"revision": "a", "tagCount": 1, "scanTime": "2026-01-01T00:00:00Z"},
    },
}


@pytest.fixture
async def why(tmp_path):
    """Why a scan is due so many seconds after the last one, and when the next turn is; with a jitter."""
    tags = Tags(tmp_path, 0)
    await tags.replace(ObjectKey("ns", "app"), ["a"])

    def why(seconds, percentage):
        clock = SimpleNamespace(now=lambda: SCANNED + timedelta(seconds=seconds))
        scanner = Scanner(tags, adler, 10, percentage / 100)
        turn = SimpleNamespace(requested=False, clock=clock)
        reason, following = scanner.why(decode(ImageRepository, RAW), NAME, turn)
        return reason, following.total_seconds()

    return why


@pytest.mark.parametrize(
    ("seconds", "percentage", "due"),
    [(300, 5, 300), (569, 5, 31), (570, 5, None), (570, 0, 30), (599.5, 0, None), (660, 0, None)],
)
async def test_when_a_scan_is_due(why, seconds, percentage, due):
    assert why(seconds, percentage) == (("", due) if due else ("triggered by interval", 600))


@pytest.mark.parametrize("percentage", [0, 1, 5, 99])
@pytest.mark.parametrize("side", [-1.0, 0.0, 1.0])
async def test_the_turn_after_an_interval_scans(why, percentage, side):
    later = jittered(timedelta(minutes=10), percentage, lambda *_: side)
    assert why(later, percentage)[0] == "triggered by interval"
