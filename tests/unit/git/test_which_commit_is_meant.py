"""Of the fields of a reference one wins, and it decides the commit, what is fetched and the revision."""

from datetime import UTC, datetime

import pytest

from shared.api.source_v1 import GitRepositoryRef
from shared.git.errors import CommitNotFound, InvalidReference, ReferenceNotFound, VersionNotFound
from shared.git.refs import Advertisement, Ref
from shared.git.selection import prefixes, select

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


def advertised(**refs):
    return Advertisement({name.replace("__", "/"): ref for name, ref in refs.items()})


def tags(*names):
    return Advertisement({f"refs/tags/{name}": Ref(f"{at:040x}") for at, name in enumerate(names, 1)})


async def never(selected):
    raise AssertionError(f"the date of {selected.name} was not needed")


FOUND = Advertisement(
    {
        "refs/heads/master": Ref(A),
        "refs/heads/feature/x": Ref(B),
        "refs/tags/v1.0.0": Ref(D, C),
        "refs/tags/light": Ref(B),
        "refs/pull/1/head": Ref(C),
    }
)


@pytest.mark.parametrize(
    ("ref", "revision"),
    [
        (None, f"master@sha1:{A}"),
        ({}, f"master@sha1:{A}"),
        ({"branch": "feature/x"}, f"feature/x@sha1:{B}"),
        ({"tag": "v1.0.0"}, f"v1.0.0@sha1:{C}"),
        ({"tag": "light"}, f"light@sha1:{B}"),
        ({"semver": ">=1.0"}, f"v1.0.0@sha1:{C}"),
        ({"commit": D}, f"sha1:{D}"),
        ({"commit": D, "branch": "main"}, f"main@sha1:{D}"),
        ({"commit": D, "name": "refs/pull/1/head"}, f"refs/pull/1/head@sha1:{D}"),
        ({"name": "refs/heads/feature/x"}, f"refs/heads/feature/x@sha1:{B}"),
        ({"name": "refs/tags/v1.0.0"}, f"refs/tags/v1.0.0@sha1:{C}"),
        ({"name": "refs/tags/v1.0.0^{}"}, f"refs/tags/v1.0.0^{{}}@sha1:{C}"),
        ({"name": "refs/pull/1/head"}, f"refs/pull/1/head@sha1:{C}"),
        ({"tag": "light", "semver": ">=1.0", "branch": "feature/x"}, f"light@sha1:{B}"),
        ({"name": "refs/heads/master", "tag": "light"}, f"refs/heads/master@sha1:{A}"),
        ({"semver": ">=1.0", "branch": "feature/x"}, f"v1.0.0@sha1:{C}"),
    ],
)
async def test_revision_of_a_reference(ref, revision):
    wanted = None if ref is None else GitRepositoryRef(**ref)
    assert (await select(wanted, FOUND, never)).revision == revision


@pytest.mark.parametrize(
    ("ref", "listed"),
    [
        ({}, ("refs/heads/master",)),
        ({"branch": "main"}, ("refs/heads/main",)),
        ({"tag": "v1"}, ("refs/tags/v1",)),
        ({"semver": "1.x"}, ("refs/tags/",)),
        ({"name": "refs/tags/v1^{}"}, ("refs/tags/v1",)),
        ({"commit": A, "branch": "main"}, ()),
    ],
)
def test_only_what_is_needed_is_listed(ref, listed):
    assert prefixes(GitRepositoryRef(**ref)) == listed


async def test_a_prefix_is_not_the_reference():
    found = advertised(refs__heads__main2=Ref(A))
    with pytest.raises(ReferenceNotFound, match=r'^couldn.t find remote ref "refs/heads/main"$'):
        await select(GitRepositoryRef(branch="main"), found, never)


async def test_missing_tags_and_names_are_told_apart():
    with pytest.raises(ReferenceNotFound, match=r'^couldn.t find remote ref "refs/tags/v9"$'):
        await select(GitRepositoryRef(tag="v9"), FOUND, never)
    with pytest.raises(CommitNotFound, match=r"^unable to resolve ref 'refs/x' to a specific commit$"):
        await select(GitRepositoryRef(name="refs/x"), FOUND, never)


@pytest.mark.parametrize("name", ["/refs/heads/main", "refs/heads/main/"])
async def test_a_name_has_no_slash_at_its_ends(name):
    message = f"^ref {name} is invalid; Git refs cannot begin or end with a slash '/'$"
    with pytest.raises(InvalidReference, match=message):
        prefixes(GitRepositoryRef(name=name))
    with pytest.raises(InvalidReference, match=message):
        await select(GitRepositoryRef(name=name), FOUND, never)


async def test_a_commit_is_a_full_hash():
    with pytest.raises(
        CommitNotFound, match=r"^unable to resolve commit object for 'main': object not found$"
    ):
        await select(GitRepositoryRef(commit="main"), FOUND, never)


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        (">=1.0.0", "1.1.0"),
        (">=1.0.0-0", "2.0.0-rc.1"),
        ("1.0.x", "v1.0.0"),
        ("*", "1.1.0"),
    ],
)
async def test_the_highest_version_with_three_parts_is_chosen(expression, name):
    found = tags("v1.0.0", "1.1.0", "v1.2", "2.0.0-rc.1", "latest")
    assert (await select(GitRepositoryRef(semver=expression), found, never)).name == name


async def test_leading_zeros_of_dates_are_versions():
    found = tags("v2025.02.03", "v2025.01.31")
    assert (await select(GitRepositoryRef(semver="*"), found, never)).name == "v2025.02.03"


async def test_equal_versions_are_decided_by_the_younger_commit():
    dates = {"1.0.0+a": datetime(2026, 1, 2, tzinfo=UTC), "1.0.0+b": datetime(2026, 1, 1, tzinfo=UTC)}

    async def committed(selected):
        return dates[selected.name]

    found = tags("1.0.0+a", "1.0.0+b", "0.9.0")
    assert (await select(GitRepositoryRef(semver="1.0.x"), found, committed)).name == "1.0.0+a"


async def test_constraints_that_choose_nothing_say_why():
    with pytest.raises(VersionNotFound, match=r"^no match found for semver: >=3$"):
        await select(GitRepositoryRef(semver=">=3"), FOUND, never)
    with pytest.raises(InvalidReference, match=r"^semver parse error: "):
        await select(GitRepositoryRef(semver="newest"), FOUND, never)


async def test_hashes_of_64_digits_are_sha256():
    found = Advertisement({"refs/heads/main": Ref("e" * 64)})
    assert (await select(GitRepositoryRef(branch="main"), found, never)).revision == f"main@sha256:{'e' * 64}"
