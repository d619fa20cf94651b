"""Submodules are fetched by the commit that names them, from real servers, and get no more than is theirs."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from yarl import URL

from shared.api.source_v1 import GitRepositoryRef
from shared.auth import BasicAuth
from shared.git import GitError, InvalidRemote, Remote
from shared.git.submodules import DEEPEST, absolute, read_modules, remote_of, with_submodules
from shared.testing.git_server import Access, GitServer
from shared.testing.git_upstream import Upstream
from shared.testing.ssh_server import SshServer
from shared.testing.tls import Authority

MAIN = GitRepositoryRef(branch="main")


@pytest.fixture
async def server(root):
    async with GitServer(root) as server:
        yield server


@pytest.fixture
def git(client):
    return client


def everything(_path):
    return True


def put(upstream, *modules, files=None):
    """Commits submodules, each as path, url and commit, on top of main; the hash of the commit."""
    text = "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, url, _ in modules)
    upstream.commit({".gitmodules": text} | (files or {}))
    for path, _, commit in modules:
        upstream.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    upstream.git("commit", "-q", "-m", "with submodules")
    upstream.point("refs/heads/main", "HEAD")
    return upstream.git("rev-parse", "HEAD")


@asynccontextmanager
async def completed(git, url, wanted=everything, **options):
    remote = Remote.parse(url, **options)
    selected = await git.resolve(remote, MAIN)
    async with git.fetch(remote, selected) as bare, with_submodules(git, remote, bare, wanted) as whole:
        yield whole


async def files_of(git, url, wanted=everything, **options):
    """Paths and contents of all files, in the order of the tree."""
    async with completed(git, url, wanted, **options) as checkout:
        return await asyncio.to_thread(
            lambda: {entry.path: entry.read().decode() for entry in checkout.tree if entry.content}
        )


async def test_a_submodule_has_the_files_of_the_commit_that_the_parent_names(root, server, git):
    library, app = Upstream(root, "lib.git"), Upstream(root)
    old = library.commit({"a": "old", "sub/b": "b"})
    library.commit({"a": "new"})
    put(app, ("modules/lib", "../lib.git", old), files={"z": "z"})
    found = await files_of(git, server.url())
    del found[".gitmodules"]
    assert list(found.items()) == [("modules/lib/a", "old"), ("modules/lib/sub/b", "b"), ("z", "z")]
    server.log.clear()
    await files_of(git, server.url())
    assert {exchange.path.split("/")[1] for exchange in server.log} == {"app.git"}


@pytest.mark.parametrize("any_commit", ["true", "false"])
async def test_servers_that_give_no_single_commits_are_asked_for_branches(root, server, git, any_commit):
    library, app = Upstream(root, "lib.git"), Upstream(root)
    library.configure("uploadpack.allowAnySHA1InWant", any_commit)
    first = library.commit({"a": "1"})
    library.commit({"a": "2"})
    put(app, ("lib", server.url("lib.git"), first))
    assert (await files_of(git, server.url()))["lib/a"] == "1"
    second = library.commit({"a": "3"}, branch="other")
    put(app, ("lib", server.url("lib.git"), second))
    assert (await files_of(git, server.url()))["lib/a"] == "3"


async def test_submodules_of_submodules_come_too(root, server, git):
    deep, library, app = Upstream(root, "org/deep.git"), Upstream(root, "org/lib.git"), Upstream(root)
    put(library, ("deep", "../deep.git", deep.commit({"d": "deep"})))
    put(app, ("one", "./../org/lib.git/", library.git("rev-parse", "HEAD")))
    found = await files_of(git, server.url())
    assert found["one/deep/d"] == "deep"


async def test_only_what_is_wanted_is_fetched(root, server, git):
    library, app = Upstream(root, "lib.git"), Upstream(root)
    commit = library.commit({"a": "x"})
    put(app, ("one", "../lib.git", commit), ("two", "../lib.git", commit), ("bad", "file:///etc", commit))
    found = await files_of(git, server.url(), lambda path: path == "two")
    assert [path for path in found if path != ".gitmodules"] == ["two/a"]


async def test_the_same_repository_may_be_there_twice_with_different_commits(root, server, git):
    library, app = Upstream(root, "lib.git"), Upstream(root)
    first, second = library.commit({"a": "1"}), library.commit({"a": "2"})
    put(app, ("one", "../lib.git", first), ("two", "../lib.git", second))
    found = await files_of(git, server.url())
    assert (found["one/a"], found["two/a"]) == ("1", "2")


async def test_a_repository_that_names_itself_comes_to_an_end(root, server, git):
    app = Upstream(root)
    commit = app.commit({"level": "0"})
    for level in range(1, DEEPEST + 3):
        commit = put(app, ("self", "../app.git", commit), files={"level": str(level)})
    found = await files_of(git, server.url())
    levels = [path for path in found if path.endswith("level")]
    assert len(levels) == DEEPEST + 1
    assert found["self/" * DEEPEST + "level"] == "2"


async def test_too_many_submodules_are_refused(root, server, git, monkeypatch):
    monkeypatch.setattr("shared.git.submodules.MOST", 6)
    library, app = Upstream(root, "lib.git"), Upstream(root)
    for _ in range(3):
        commit = library.commit({"a": "x"})
        put(library, ("one", "../lib.git", commit), ("two", "../lib.git", commit))
    put(app, ("lib", "../lib.git", library.git("rev-parse", "HEAD")), ("last", "../lib.git", commit))
    for number in range(6):
        put(app, *((f"m{each}", "../lib.git", commit) for each in range(number + 2)))
    with pytest.raises(GitError, match="unable to update submodule 'm6': there are more than 6 submodules"):
        await files_of(git, server.url())


async def test_repositories_that_have_each_other_do_not_wait_for_each_other(root, server, git):
    one, two = Upstream(root, "one.git"), Upstream(root, "two.git")
    first, second = one.commit({"a": "1"}), two.commit({"a": "2"})
    put(one, ("two", "../two.git", second))
    put(two, ("one", "../one.git", first))
    async with (
        asyncio.timeout(30),
        completed(git, server.url("one.git")),
        completed(git, server.url("two.git")) as other,
    ):
        assert "one/a" in [entry.path for entry in other.tree]


async def test_a_submodule_without_a_description_stays_empty(root, server, git):
    app = Upstream(root)
    commit = app.commit({"a": "x"})
    app.git("update-index", "--add", "--cacheinfo", f"160000,{commit},nowhere")
    app.git("commit", "-q", "-m", "forgotten")
    app.point("refs/heads/main", "HEAD")
    assert list(await files_of(git, server.url())) == ["a"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("../nobody.git", "unable to clone: repository not found"),
        ("../app.git", "unable to resolve commit object for '1{40}': object not found"),
        ("file:///etc", "its url has the scheme 'file', only http, https, ssh and relative ones"),
        ("/etc", "its url has no scheme"),
        ("ext::sh -c id", "its url has the scheme 'ext'"),
        ("git://127.0.0.1/x", "its url has the scheme 'git'"),
        ("../../../x", "leads above the root"),
        ("http://127.0.0.1:1/x", "can't connect to 127.0.0.1:1"),
        ("http://[", "malformed"),
    ],
)
async def test_a_submodule_that_fails_fails_the_checkout(root, server, git, url, why):
    app = Upstream(root)
    put(app, ("lib", url, "1" * 40))
    with pytest.raises(GitError, match=rf"unable to update submodule 'lib': .*{why}"):
        await files_of(git, server.url())


async def test_all_submodules_together_have_the_time_of_one_operation(root, server, git):
    library, app = Upstream(root, "lib.git"), Upstream(root)
    put(app, ("lib", "../lib.git", library.commit({"a": "x"})))
    remote = Remote.parse(server.url())
    hasty = Remote.parse(server.url(), timeout=timedelta(seconds=1))
    selected = await git.resolve(remote, MAIN)
    async with git.fetch(remote, selected) as bare:
        server.hold = asyncio.Event()
        with pytest.raises(GitError, match=r"'lib': .*context deadline exceeded"):
            async with with_submodules(git, hasty, bare, everything):
                pass
        server.hold.set()


async def test_credentials_and_authorities_are_for_the_origin_of_the_parent(root, tmp_path, git):
    (tmp_path / "foreign").mkdir()
    library, foreign, app = Upstream(root, "lib.git"), Upstream(tmp_path / "foreign"), Upstream(root)
    authority, secret = Authority(), {"username": b"ada", "password": b"s3cret-pass"}
    own, other = library.commit({"a": "own"}), foreign.commit({"a": "foreign"})
    async with (
        GitServer(
            root, access=Access(basic=("ada", "s3cret-pass")), tls=authority.server_context()
        ) as server,
        GitServer(tmp_path / "foreign") as elsewhere,
    ):
        put(app, ("own", "../lib.git", own), ("other", elsewhere.url(), other))
        secret["ca.crt"] = authority.pem.encode() if isinstance(authority.pem, str) else authority.pem
        found = await files_of(git, server.url(), secret=secret)
        assert (found["own/a"], found["other/a"]) == ("own", "foreign")
        assert elsewhere.log != []
        assert [each for each in elsewhere.log if "Authorization" in each.headers] == []


def test_what_a_submodule_gets_of_its_parent():
    secret = {"username": b"ada", "password": b"s3cret-pass"}
    parent = Remote.parse("https://git.example.org/org/app.git", secret)
    same = remote_of("https://git.example.org/lib.git", parent)
    assert (same.credentials, str(same.url)) == (parent.credentials, "https://git.example.org/lib.git")
    for url in ("https://other.org/x", "http://git.example.org/x", "https://git.example.org:8443/x"):
        assert remote_of(url, parent).credentials is None
    theirs = remote_of("https://bob:pass@git.example.org/lib.git", parent)
    assert theirs.credentials == BasicAuth("bob", "pass")
    assert "bob" not in str(theirs.url)
    back = remote_of("https://git.example.org/x", remote_of("https://other.org/x", parent))
    assert back.credentials is None


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("../lib.git", "https://h.org/org/lib.git"),
        ("./lib", "https://h.org/org/app.git/lib"),
        ("../../x/y.git", "https://h.org/x/y.git"),
        ("../a/../b", "https://h.org/org/b"),
        ("../a b?c#d", "https://h.org/org/a%20b%3Fc%23d"),
        ("http://h.org/x", "http://h.org/x"),
        ("git@h.org:org/x.git", "ssh://git@h.org/org/x.git"),
        ("h.org:/org/x.git", "ssh://h.org/org/x.git"),
    ],
)
def test_addresses_are_relative_to_the_parent(url, result):
    assert str(absolute(url, URL("https://h.org/org/app.git"))) == result


def test_an_address_never_leads_above_its_host():
    with pytest.raises(InvalidRemote, match="above the root"):
        absolute("../../../x", URL("https://h.org/org/app.git"))


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("", {}),
        ('[submodule "a"]\n path = a\n url = x\n', {"a": "x"}),
        ('[Submodule "a"] PATH=a\n\tURL\t=\tx ; comment\n', {"a": "x"}),
        ('[submodule "a \\" b"]\npath = "a b/"\nurl = "x # \\"y\\"" # comment\n', {"a b": 'x # "y"'}),
        ('[submodule "a"]\npath = a\n[submodule "b"]\nurl = b\n[submodule "a"]\nurl = x\n', {"a": "x"}),
        ('[submodule "a"]\npath = a\n[other]\nurl = x\n', {}),
        ('# [submodule "a"]\n[submodule "a"]\n# url = no\npath = a\nurl = x\\\ny\n', {"a": "xy"}),
        ('[submodule "a"]\r\npath = a\r\nurl = x\r\n', {"a": "x"}),
        ("[submodule]\npath = a\nurl = x\n", {}),
        ("path = a\nurl = x\n=\n[[[\n", {}),
    ],
)
def test_descriptions_are_in_the_format_of_configuration(text, modules):
    assert read_modules(text) == modules


async def test_submodules_over_ssh_are_reached_with_the_key_of_their_parent(root, git):
    library, app = Upstream(root, "lib.git"), Upstream(root)
    commit = library.commit({"a": "1"})
    async with SshServer(root) as server:
        put(app, ("lib", "../lib.git", commit), ("again", server.url("lib.git", user=""), commit))
        found = await files_of(git, server.url(), secret=server.secret())
        assert (found["lib/a"], found["again/a"]) == ("1", "1")


async def test_no_other_host_sees_the_key_unless_that_is_wanted(root, tmp_path, git):
    (tmp_path / "foreign").mkdir()
    foreign, app = Upstream(tmp_path / "foreign"), Upstream(root)
    commit = foreign.commit({"a": "1"})
    async with SshServer(root) as server, SshServer(tmp_path / "foreign") as elsewhere:
        elsewhere.user_key = server.user_key
        put(app, ("lib", elsewhere.url(), commit))
        known = server.known_hosts() + elsewhere.known_hosts()
        remote = Remote.parse(server.url(), server.secret(known_hosts=known))
        selected = await git.resolve(remote, MAIN)
        async with git.fetch(remote, selected) as bare:
            with pytest.raises(GitError, match="'lib': its url needs a key for SSH"):
                async with with_submodules(git, remote, bare, everything):
                    pass
            assert elsewhere.logins == 0
            async with with_submodules(git, remote, bare, everything, anywhere=True) as whole:
                assert "lib/a" in [entry.path for entry in whole.tree]


def test_credentials_go_anywhere_only_when_that_is_wanted():
    parent = Remote.parse("https://git.example.org/app.git", {"username": b"ada", "password": b"pw"})
    assert remote_of("https://other.org/x", parent).credentials is None
    assert remote_of("https://other.org/x", parent, anywhere=True).credentials == parent.credentials
