"""Submodules of a commit: each is fetched by the very commit that the tree names, and put below its path.

What `.gitmodules` says comes from the repository, so it isn't trusted: a path only counts where the tree
has a submodule, an address has to be one of HTTP, HTTPS or SSH, and credentials, authorities and client
certificates of the parent only go to the origin that they were given for. How deep submodules may be
nested and how many there may be is bounded, so that a repository that names itself comes to an end.

A submodule has a copy of its own for every place of it, which nobody uses but while the copy of the topmost
repository is held. So two repositories that have each other as submodules never wait for each other.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from yarl import URL

from shared.auth import SecretError
from shared.git.client import Checkout, GitClient
from shared.git.errors import GitError, InvalidRemote
from shared.git.objects import GitTree
from shared.git.refs import Hash
from shared.git.remote import Remote, parse_url
from shared.git.selection import Selected
from shared.git.threads import run_in_thread

Wanted: TypeAlias = Callable[[str], bool]

MODULES_FILE: Final = ".gitmodules"
DEEPEST: Final = 10
"""Levels of submodules; what is below stays empty."""
MOST: Final = 500
"""Submodules of one commit, all levels together."""

_LARGEST_FILE: Final = 1 << 20
_SSH: Final = "ssh"
_SCHEMES: Final = ("http", "https", _SSH)
_SECTION: Final = re.compile(r'\s*\[\s*submodule\s+"((?:[^"\\]|\\.)*)"\s*\]', re.IGNORECASE)
_CONTINUED: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\\r?\n")
_ESCAPED: Final = {"n": "\n", "t": "\t", "b": "\b"}
_LIKE_SCP: Final = re.compile(r"((?:[^/:@\s]+@)?[^/:@\s]+):(?!//|:)/?(.+)")


@asynccontextmanager
async def with_submodules(
    git: GitClient, remote: Remote, checkout: Checkout, wanted: Wanted | None, *, anywhere: bool = False
) -> AsyncIterator[Checkout]:
    """A checkout with those submodules whose path, from the root of all, is wanted; None wants none.

    With `anywhere` the credentials of a parent go to submodules on other origins, too. All of them
    together have the time that the remote has for one operation.

    Raises:
        GitError: a submodule can't be had; names its path.

    """
    if wanted is None:
        yield checkout
        return
    async with AsyncExitStack() as stack:
        tree = await _Filling(git, remote, stack, wanted, anywhere=anywhere).fill(
            checkout.tree, remote, "", 0
        )
        yield dataclasses.replace(checkout, tree=tree)


@dataclass(frozen=True, slots=True)
class Link:
    """A submodule as its parent describes it."""

    path: str
    commit: Hash
    url: str


class _Filling:
    """One commit whose submodules are brought here, and held until the stack is closed."""

    def __init__(
        self, git: GitClient, root: Remote, stack: AsyncExitStack, wanted: Wanted, *, anywhere: bool
    ) -> None:
        self._anywhere = anywhere
        self._git = git
        self._root = root
        self._stack = stack
        self._wanted = wanted
        self._count = 0
        limit = root.timeout
        self._end = asyncio.get_running_loop().time() + limit.total_seconds() if limit else None

    async def fill(self, tree: GitTree, remote: Remote, prefix: str, depth: int) -> GitTree:
        """A tree with its submodules, and theirs."""
        if depth == DEEPEST:
            return tree
        modules = {}
        for link in await run_in_thread(None, lambda _: read_links(tree)):
            path = f"{prefix}{link.path}"
            if self._wanted(path):
                with _telling(path):
                    module = self._remote(link, remote, path)
                    found = await self._fetch(module, link.commit)
                modules[link.path] = await self.fill(found.tree, module, f"{path}/", depth + 1)
        return dataclasses.replace(tree, modules=modules)

    def _remote(self, link: Link, parent: Remote, path: str) -> Remote:
        self._count += 1
        if self._count > MOST:
            raise GitError(f"there are more than {MOST} submodules, which is not allowed")
        remote = remote_of(link.url, parent, anywhere=self._anywhere)
        known = {each.name: getattr(remote, each.name) for each in dataclasses.fields(Remote)}
        return _ModuleRemote(**known, place=f"{self._root.key} {path}")

    async def _fetch(self, remote: Remote, commit: Hash) -> Checkout:
        if self._end is not None:
            left = max(0.0, self._end - asyncio.get_running_loop().time())
            remote = dataclasses.replace(remote, timeout=timedelta(seconds=left))
        selected = Selected(commit, "", "", pinned=True)
        return await self._stack.enter_async_context(self._git.fetch(remote, selected))


@dataclass(frozen=True)
class _ModuleRemote(Remote):
    """A remote whose copy belongs to one place in one topmost repository."""

    place: str = ""

    @property
    def key(self) -> str:
        own = super().key
        return hashlib.sha256(f"{self.place}\0{own}".encode(errors="surrogateescape")).hexdigest()


def read_links(tree: GitTree) -> list[Link]:
    """The submodules of a tree that are described in it; blocks.

    Raises:
        GitError: the description is too large.
    """
    links = list(tree.links())
    if not links:
        return []
    data = tree.file(MODULES_FILE)
    if len(data) > _LARGEST_FILE:
        raise GitError(f"the file {MODULES_FILE} is larger than {_LARGEST_FILE} bytes")
    urls = read_modules(data.decode(errors="surrogateescape"))
    return [Link(path, commit, urls[path]) for path, commit in links if path in urls]


def read_modules(text: str) -> dict[str, str]:
    """Addresses by paths, from a file in the format of git's configuration; nonsense is skipped."""
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    for line in _CONTINUED.sub(r"\1", text).splitlines():
        rest = line.strip()
        header = _SECTION.match(line)
        if header:
            section, rest = found.setdefault(header[1], {}), line[header.end() :]
        elif rest.startswith("["):
            section = None
        key, equals, value = rest.partition("=")
        if section is not None and equals:
            section[key.strip().lower()] = _value(value)
    modules = ((each.get("path", "").rstrip("/"), each.get("url", "")) for each in found.values())
    return {path: url for path, url in modules if path and url}


def _value(text: str) -> str:
    """A value without its quotes, escapes and comment."""
    value, kept, quoted = "", 0, False
    letters = iter(text.strip())
    for letter in letters:
        if letter == "\\":
            escaped = next(letters, "")
            value += _ESCAPED.get(escaped, escaped)
        elif letter == '"':
            quoted = not quoted
        elif letter in "#;" and not quoted:
            break
        else:
            value += letter
            if letter.isspace() and not quoted:
                continue  # blanks at the end don't count
        kept = len(value)
    return value[:kept]


def remote_of(url: str, parent: Remote, *, anywhere: bool = False) -> Remote:
    """The remote of a submodule: on the origin of its parent, or anywhere on demand, it is reached as the
    parent is.

    Raises:
        InvalidRemote: the address can't be used.
    """
    address = parse_url(str(absolute(url, parent.url)))
    trusted = anywhere or _origin(address) == _origin(parent.url)
    if address.scheme == _SSH:
        if parent.login is None or not trusted:
            raise InvalidRemote("its url needs a key for SSH, and its parent has none for that host")
        login = parent.login.named(address.user)
        plain = address.with_user(None).with_user(login.user)
        return dataclasses.replace(parent, url=plain, login=login)
    try:
        own = Remote.parse(str(address), proxy=parent.proxy, timeout=parent.timeout)
    except SecretError as error:
        raise InvalidRemote(f"its url can't be used: {error}") from error
    if not trusted or parent.login is not None:
        return own
    return dataclasses.replace(parent, url=own.url, credentials=own.credentials or parent.credentials)


def absolute(url: str, parent: URL) -> URL:
    """The address of a submodule; one that starts with a dot is relative to the parent's.

    Raises:
        InvalidRemote: it is none, or not one that is allowed here.
    """
    if url.startswith(("./", "../")) or url in {".", ".."}:
        return _relative(url, parent)
    like_scp = _LIKE_SCP.fullmatch(url) if "://" not in url else None
    try:
        address = URL(f"ssh://{like_scp[1]}/{like_scp[2]}" if like_scp else url)
    except ValueError:
        raise InvalidRemote("its url is malformed") from None
    if address.scheme not in _SCHEMES:
        shown = f"the scheme '{address.scheme[:40]}'" if address.scheme else "no scheme"
        raise InvalidRemote(f"its url has {shown}, only {', '.join(_SCHEMES)} and relative ones are allowed")
    return address


def _relative(url: str, parent: URL) -> URL:
    above = [part for part in parent.path.split("/") if part]
    below: list[str] = []
    for part in url.split("/"):
        if part == ".." and below:
            below.pop()
        elif part == "..":
            if not above:
                raise InvalidRemote("its url leads above the root of its parent's host")
            above.pop()
        elif part not in {"", "."}:
            below.append(part)
    return parent.with_path("/" + "/".join([*above, *below]))


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port or (22 if url.scheme == _SSH else None)


@contextmanager
def _telling(path: str) -> Iterator[None]:
    try:
        yield
    except GitError as error:
        raise error.during(f"unable to update submodule '{path}'") from error


__all__ = ["Wanted", "with_submodules"]
