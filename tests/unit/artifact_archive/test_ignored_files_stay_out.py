"""Which files go into an archive: defaults, `.sourceignore` files, and the object's own patterns."""

import stat
from dataclasses import dataclass

import pytest

from shared.artifact.ignoring import kept


@dataclass
class Item:
    path: str
    mode: int
    text: str = ""
    content: str = ""

    def read(self):
        return self.text.encode()


def tree(files):
    """Entries in the order of archives, with the directories that the files need."""
    directories = {path.rsplit("/", depth)[0] for path in files for depth in range(1, path.count("/") + 1)}
    items = [Item(path, stat.S_IFDIR | 0o755) for path in directories]
    items += [Item(path, stat.S_IFREG | 0o644, text) for path, text in files.items()]
    return sorted(items, key=lambda item: item.path.split("/"))


def names(files, ignore=None):
    return [entry.path for entry in kept(tree(files), ignore)]


def plain(*paths):
    return dict.fromkeys(paths, "")


def test_defaults_leave_out_pictures_pipelines_and_version_control():
    files = plain("a.png", ".github/x", "sub/.sops.yaml", ".gitignore", "sub/.gitattributes", "a.yaml")
    # The files below .github are tested one by one, and the directory's pattern covers what is in it.
    assert names(files) == ["a.yaml", "sub"]


def test_own_patterns_replace_the_defaults_but_not_version_control():
    files = plain("a.png", ".gitignore", "docs/a.md", "docs/b/c.md")
    assert names(files, "docs/") == ["a.png"]


@pytest.mark.parametrize("blank", [None, "", " \n\t\n", "# only a comment\n"])
def test_patterns_that_are_none_leave_the_defaults_on(blank):
    assert names(plain("a.png", "a.yaml"), blank) == ["a.yaml"]


def test_one_directory_can_be_kept_of_everything():
    files = plain("a", "deploy/app/x.yaml", "deploy/y.yaml", "other/z")
    assert names(files, "/*\n!/deploy") == ["deploy", "deploy/app", "deploy/app/x.yaml", "deploy/y.yaml"]


def test_files_come_back_below_a_directory_that_stays_out():
    assert names(plain("a/b/c", "a/d"), "/*\n!/a/b") == ["a/b", "a/b/c"]


def test_an_ignore_file_rules_its_directory_and_switches_the_defaults_off():
    files = plain("a.png", "a.txt", "sub/a.txt", "sub/b.yaml") | {"sub/.sourceignore": "*.txt\n"}
    assert names(files) == ["a.png", "a.txt", "sub", "sub/.sourceignore", "sub/b.yaml"]


def test_a_child_decides_over_its_parent_and_the_object_over_both():
    files = plain("sub/a.txt", "sub/b.txt") | {".sourceignore": "*.txt\n", "sub/.sourceignore": "!*.txt\n"}
    assert "sub/a.txt" in names(files)
    assert "sub/a.txt" not in names(files, "sub/a.txt")
    assert "sub/b.txt" in names(files, "sub/a.txt")


def test_a_directory_called_like_an_ignore_file_is_no_ignore_file():
    assert names(plain(".sourceignore/x", "a.png")) == [".sourceignore", ".sourceignore/x"]


def test_version_control_files_can_be_asked_for():
    assert names(plain(".gitignore"), "!.gitignore") == [".gitignore"]
