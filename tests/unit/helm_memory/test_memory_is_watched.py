"""The end of a process before the kernel ends it: which files are read, and when it is time."""

import asyncio
from datetime import timedelta

import pytest

from helm_controller.memory_watch import MemoryWatch
from helm_controller.settings import HelmSettings
from shared.runtime.settings import UsageError, parse

OFTEN = timedelta(milliseconds=50)
V2 = ("memory.max", "memory.current")
V1 = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")


@pytest.fixture
def groups(tmp_path):
    (tmp_path / "memory").mkdir()
    return tmp_path


def written(folder, names, limit, used):
    for name, value in zip(names, (limit, used), strict=True):
        (folder / name).write_text(f"{value}\n")


def watch(groups, limit="", current="", threshold=90):
    return MemoryWatch.open(limit, current, threshold, OFTEN, groups)


@pytest.mark.parametrize("names", [V1, V2], ids=["v1", "v2"])
async def test_a_process_near_its_limit_is_told(groups, names):
    written(groups, names, 1000, 900)
    await watch(groups).near_limit()


async def test_below_the_threshold_it_waits_until_that_is_reached(groups):
    written(groups, V2, 1000, 899)
    waiting = asyncio.ensure_future(watch(groups).near_limit())
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    written(groups, V2, 1000, 901)
    await waiting


async def test_version_2_is_preferred_and_named_files_above_all(groups, tmp_path):
    written(groups, V1, 1000, 1000)
    written(groups, V2, 1000, 1)
    assert watch(groups).current == groups / "memory.current"
    named = tmp_path / "used"
    named.write_text("990")
    await watch(groups, current=str(named)).near_limit()


async def test_without_a_limit_it_is_never_near(groups):
    written(groups, V2, "max", 10**12)
    waiting = asyncio.ensure_future(watch(groups).near_limit())
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    waiting.cancel()
    assert not done


async def test_a_look_that_fails_is_skipped(groups):
    written(groups, V2, 1000, 1)
    waiting = asyncio.ensure_future(watch(groups).near_limit())
    (groups / "memory.current").write_text("")
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    written(groups, V2, 1000, 1000)
    await waiting


def test_without_files_the_way_out_is_told(groups):
    with pytest.raises(ValueError, match="--oom-watch-max-memory-path"):
        watch(groups)
    written(groups, V2, "many", 1)
    with pytest.raises(ValueError, match="no number of bytes"):
        watch(groups)
    with pytest.raises(ValueError, match="can't be read"):
        watch(groups, limit=str(groups / "missing"))


@pytest.mark.parametrize(
    "flag", ["oom-watch-memory-threshold=0", "oom-watch-memory-threshold=101", "oom-watch-interval=49ms"]
)
def test_flags_out_of_their_range_are_refused(flag):
    with pytest.raises(UsageError):
        parse(HelmSettings, [f"--{flag}"], {})
