"""Listing the references of a remote, without fetching anything.

Protocol version 2 is asked for, so that a server only tells the references that are wanted. A server that
doesn't know it tells everything at once; only what is wanted is kept, so memory depends on the question.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, NewType, Protocol

from shared.git.errors import RemoteError
from shared.git.http import SERVICE, USER_AGENT
from shared.git.pktline import Signal, Stream, encode, frames

Hash = NewType("Hash", str)
"""The hex name of an object."""

_HASH: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PEELED: Final = "^{}"

Frames = AsyncIterator[bytes | Signal]


class Answer(Protocol):
    """Something that upload-pack says."""

    @property
    def content(self) -> Stream:
        """Its frames."""


class UploadPack(Protocol):
    """The upload-pack of a remote, however it is reached."""

    def advertisement(self, *, version: int = 0) -> AbstractAsyncContextManager[Answer]:
        """What it says first."""

    def upload_pack(self, body: bytes, *, version: int = 0) -> AbstractAsyncContextManager[Answer]:
        """Its answer to a question."""


@dataclass(frozen=True, slots=True)
class Ref:
    """What a reference names; an annotated tag is peeled to what it is a tag of."""

    hash: Hash
    peeled: Hash | None = None

    @property
    def target(self) -> Hash:
        """The commit, however it is named."""
        return self.peeled or self.hash


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a remote has, as far as it was asked."""

    refs: Mapping[str, Ref] = field(default_factory=dict)
    symbolic: Mapping[str, str] = field(default_factory=dict)
    """References that point to others, most of all HEAD."""


def is_hash(text: str) -> bool:
    """Whether a text can name an object in full."""
    return _HASH.fullmatch(text) is not None


async def list_refs(remote: UploadPack, prefixes: Sequence[str]) -> Advertisement:
    """The references that start with any of the prefixes; no prefix means all.

    Raises:
        RemoteError: one of its family says why not.
    """
    async with remote.advertisement(version=2) as answer:
        stream = frames(answer.content)
        first = await _first(stream)
        if first != b"version 2":
            return await _version_0(first, stream, prefixes)
        capabilities = [frame.decode(errors="replace") async for frame in _until_signal(stream)]
    body = encode(_question(capabilities, prefixes))
    async with remote.upload_pack(body, version=2) as answer:
        return await _version_2(frames(answer.content), prefixes)


def _question(capabilities: Sequence[str], prefixes: Sequence[str]) -> list[str | Signal]:
    known = dict(capability.partition("=")[::2] for capability in capabilities)
    if "ls-refs" not in known:
        raise RemoteError("the remote can't list its references")
    lines: list[str | Signal] = ["command=ls-refs"]
    if "agent" in known:
        lines.append(f"agent={USER_AGENT.replace(' ', '-')}")
    if "object-format" in known:
        lines.append(f"object-format={known['object-format']}")
    lines += [Signal.DELIMITER, "peel", "symrefs"]
    lines += [f"ref-prefix {prefix}" for prefix in prefixes]
    lines.append(Signal.FLUSH)
    return lines


async def _first(stream: Frames) -> bytes | Signal:
    """The first frame with meaning, after the optional announcement of the service."""
    frame = await anext(stream, Signal.FLUSH)
    if frame == f"# service={SERVICE}".encode():
        await anext(stream, Signal.FLUSH)  # the flush that ends the announcement
        frame = await anext(stream, Signal.FLUSH)
    return frame


async def _until_signal(stream: Frames) -> AsyncIterator[bytes]:
    async for frame in stream:
        if isinstance(frame, Signal):
            return
        yield frame


async def _version_2(stream: Frames, prefixes: Sequence[str]) -> Advertisement:
    refs: dict[str, Ref] = {}
    symbolic: dict[str, str] = {}
    async for frame in _until_signal(stream):
        hash_, _, rest = _text(frame).partition(" ")
        name, *attributes = rest.split(" ")
        if not is_hash(hash_) or not _wanted(name, prefixes):
            continue
        peeled = None
        for attribute in attributes:
            key, _, value = attribute.partition(":")
            if key == "peeled" and is_hash(value):
                peeled = Hash(value)
            elif key == "symref-target":
                symbolic[name] = value
        refs[name] = Ref(Hash(hash_), peeled)
    return Advertisement(refs, symbolic)


async def _version_0(first: bytes | Signal, stream: Frames, prefixes: Sequence[str]) -> Advertisement:
    """The whole list in one answer, also with the `version 1` line in front."""
    refs: dict[str, Ref] = {}
    symbolic: dict[str, str] = {}
    frame = await anext(stream, Signal.FLUSH) if first == b"version 1" else first
    while isinstance(frame, bytes):
        line, _, capabilities = frame.partition(b"\0")
        for capability in _text(capabilities).split(" "):
            if capability.startswith("symref="):
                source, _, target = capability.removeprefix("symref=").partition(":")
                symbolic[source] = target
        hash_, _, name = _text(line).partition(" ")
        if not is_hash(hash_):
            raise RemoteError("the list of references is not in the format of git")
        base = name.removesuffix(_PEELED)
        if _wanted(base, prefixes):
            if base == name:
                refs[name] = Ref(Hash(hash_))
            elif base in refs:
                refs[base] = Ref(refs[base].hash, Hash(hash_))
        frame = await anext(stream, Signal.FLUSH)
    return Advertisement(refs, {name: to for name, to in symbolic.items() if _wanted(name, prefixes)})


def _wanted(name: str, prefixes: Iterable[str]) -> bool:
    found = False
    for prefix in prefixes:
        found = True
        if name.startswith(prefix):
            return True
    return not found and name != "capabilities"


def _text(frame: bytes) -> str:
    return frame.decode(errors="surrogateescape")
