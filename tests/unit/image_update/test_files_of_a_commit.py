"""What becomes of the files of a commit."""

from dataclasses import dataclass

import pytest

from image_controllers.automation.setters.edits import EditFailed
from image_controllers.automation.update.files import Files, NoSuchPath

MARKER = b'# {"$imagepolicy": "ns:app"}'


@dataclass
class Entry:
    path: str
    text: bytes

    @property
    def content(self) -> str:
        return str(hash(self.text))

    def read(self) -> bytes:
        return self.text


def updated(*entries, path=""):
    return Files().update(entries, path, {"ns:app": "app:v2"}.get)


def test_a_name_that_is_no_text_is_told_as_one():
    name = b"gr\xfc\xdf.yaml".decode(errors="surrogateescape")
    found = updated(Entry(f"apps/{name}", b"a: app:v1 " + MARKER), Entry(f"bad-{name}", b"a: [ " + MARKER))
    assert list(found.files) == [f"apps/{name}"]
    assert list(found.changes) == ["apps/gr\ufffd\ufffd.yaml"]
    assert list(found.skipped) == ["bad-gr\ufffd\ufffd.yaml"]
    assert list(updated(Entry(name, b"a: app:v1 " + MARKER), path=name).changes) == ["gr\ufffd\ufffd.yaml"]


def test_a_path_may_be_a_file_that_would_be_looked_at_in_its_folder():
    files = [Entry("apps/a.yaml", b"a: app:v1 " + MARKER), Entry("apps/a.txt", b"a: app:v1 " + MARKER)]
    assert list(updated(*files, path="apps/a.yaml").changes) == ["a.yaml"]
    assert not updated(*files, path="apps/a.txt").files
    with pytest.raises(NoSuchPath):
        updated(*files, path="apps/b.txt")


def test_a_file_that_would_be_broken_fails_the_update():
    with pytest.raises(EditFailed, match=r"bad\.yaml: the edited file would not be valid"):
        updated(Entry("bad.yaml", b"- b:\n  |- " + MARKER), Entry("good.yaml", b"a: app:v1 " + MARKER))
