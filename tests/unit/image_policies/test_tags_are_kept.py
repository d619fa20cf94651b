"""Tags are kept in files, and what is damaged is as good as lost."""

import asyncio
import gzip
from datetime import timedelta

import pytest

from image_controllers.reflector.tags import Tags
from shared.kube.resources import ObjectKey

KEY = ObjectKey("team", "app")
TAGS = [f"1.{number}.0" for number in range(2000, 1000, -1)]
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def tags(tmp_path):
    return Tags(tmp_path, 1000)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "imagerepository" / "team" / "app"


@pytest.mark.parametrize("count", [1, 1000])
async def test_what_was_kept_comes_back(tags, count):
    assert not tags.any(KEY)
    await tags.replace(KEY, TAGS[:count])
    assert tags.any(KEY)
    assert await tags.reduce(KEY, list) == TAGS[:count]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:20] + b"x" * 20 + data[40:],
        lambda data: b"no gzip" + data,
        lambda data: gzip.compress(b"\xff\n"),
        lambda data: data[:-4] + b"xxxx",
    ],
)
async def test_a_damaged_file_goes_and_is_told_of(tags, folder, damage):
    lost = []
    tags.on_damage(lost.append)
    await tags.replace(KEY, TAGS)
    file = folder / "tags.txt.gz"
    file.write_bytes(damage(file.read_bytes()))
    assert await tags.reduce(KEY, list) == []
    assert (lost, tags.any(KEY)) == ([KEY], False)
    assert await tags.reduce(KEY, list) == []
    assert lost == [KEY]


async def test_a_list_may_change_its_kind_of_file_while_it_is_looked_for(tags, folder, monkeypatch):
    opened = gzip.open

    def late(file, *arguments):
        monkeypatch.undo()
        file.unlink()
        (folder / "tags.txt").write_text("a\n")
        return opened(file, *arguments)

    await tags.replace(KEY, TAGS)
    monkeypatch.setattr(gzip, "open", late)
    assert await tags.reduce(KEY, list) == ["a"]


async def test_what_a_killed_process_was_writing_goes_with_the_next_scan(tags, folder):
    folder.mkdir(parents=True)
    (folder / ".tags-of-a-killed-process").write_text("a\n")
    assert not tags.any(KEY)
    await tags.replace(KEY, ["a"])
    assert [each.name for each in folder.iterdir()] == ["tags.txt"]


async def test_tags_that_are_there_need_no_waiting(tags):
    await tags.replace(KEY, ["a"])
    await tags.arrival(KEY, timedelta(days=1))


async def test_whoever_waits_hears_of_the_next_tags(tags):
    waiting = [asyncio.create_task(tags.arrival(KEY, timedelta(days=1))) for _ in range(3)]
    await tags.arrival(KEY, MOMENT)
    assert not any(each.done() for each in waiting)
    await tags.replace(KEY, ["a"])
    await asyncio.gather(*waiting)
