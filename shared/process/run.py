"""Start a program, bound it in every direction, and leave nothing behind.

* The environment is exactly what the caller gives; nothing is inherited.
* The program leads its own session. At the end, at the time limit, when the caller is cancelled or when it
  writes too much, the whole process group is killed before `run` returns or raises.
* Standard input is an anonymous file in memory, so neither a pipe can fill up nor a secret reach the disk.
* A thread of its own starts the program: starting blocks, and a jail sticks to the thread that entered it.
"""

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from shared.process.errors import (
    ArgumentsTooLong,
    OutputTooLarge,
    ProgramFailed,
    ProgramMissing,
    ProgramNotStarted,
    ProgramTimeout,
)
from shared.process.jail import Jail
from shared.process.limits import Limits

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended: `stdout` in full, `stderr` only its end."""

    returncode: int
    stdout: bytes
    stderr: bytes


def find_program(name: str, path: str | None = None) -> Path:
    """Where a program is: by PATH, or as given if it is a path; `ProgramMissing` if there is none."""
    found = shutil.which(name, path=path)
    if found is None:
        raise ProgramMissing(name)
    return Path(found).resolve()


async def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: timedelta,
    limits: Limits,
    stdin: bytes = b"",
    jail: Jail | None = None,
    check: bool = True,
    redact: Callable[[str], str] = str,
) -> Completed:
    """Run a program to its end and return what it wrote.

    `redact` rewrites the error output before it becomes part of a `ProgramFailed`; with `check=False` every
    exit code is returned instead.
    """
    name = Path(argv[0]).name
    process = await _start(argv, cwd=cwd, env=env, stdin=stdin, jail=jail)
    try:
        limits.impose(process.pid)
        async with asyncio.timeout(timeout.total_seconds()):
            stdout, stderr = await _drain(process, name, limits)
    except TimeoutError:
        raise ProgramTimeout(name, timeout) from None
    finally:
        _end(process)
    if check and process.returncode != 0:
        raise ProgramFailed(name, process.returncode, redact(stderr.decode(errors="replace")))
    return Completed(process.returncode, stdout, stderr)


async def _start(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stdin: bytes, jail: Jail | None
) -> subprocess.Popen[bytes]:
    loop = asyncio.get_running_loop()
    started: asyncio.Future[subprocess.Popen[bytes]] = loop.create_future()

    def start() -> None:
        try:
            with _in_memory(stdin) as standard_input:
                if jail is not None:
                    jail.enter()
                process = subprocess.Popen(
                    [os.fspath(part) for part in argv],
                    cwd=cwd,
                    env=dict(env),
                    stdin=standard_input,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
        except BaseException as error:  # noqa: BLE001 - it is handed to the caller
            loop.call_soon_threadsafe(started.set_exception, error)
        else:
            loop.call_soon_threadsafe(started.set_result, process)

    threading.Thread(target=start, name=f"start-{Path(argv[0]).name}").start()
    try:
        return await asyncio.shield(started)
    except asyncio.CancelledError:
        # The thread is past recall: wait for the few milliseconds it takes, then undo its work.
        with contextlib.suppress(OSError):
            _end(await started)
        raise
    except (FileNotFoundError, PermissionError) as error:
        if error.filename != os.fspath(argv[0]):
            raise
        raise ProgramMissing(os.fspath(argv[0])) from error
    except OSError as error:
        name = Path(argv[0]).name
        if error.errno == errno.E2BIG:
            raise ArgumentsTooLong(name) from error
        raise ProgramNotStarted(name, error.strerror or type(error).__name__) from error


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    handle = os.memfd_create("stdin")
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


async def _drain(process: subprocess.Popen[bytes], name: str, limits: Limits) -> tuple[bytes, bytes]:
    """Read both outputs to their end while waiting for the program itself."""
    assert process.stdout is not None  # noqa: S101 - both are pipes, see `_start`
    assert process.stderr is not None  # noqa: S101
    try:
        async with (
            _reader(process.stdout) as out,
            _reader(process.stderr) as err,
            asyncio.TaskGroup() as group,
        ):
            stdout = group.create_task(_all(out, name, limits.stdout), name=f"{name}-stdout")
            stderr = group.create_task(_tail(err, limits.stderr), name=f"{name}-stderr")
            await _exited(process)
            _kill(process)  # what it left running would keep the pipes open
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return stdout.result(), stderr.result()


async def _exited(process: subprocess.Popen[bytes]) -> None:
    """Wait for the program without reaping it, so that its process group keeps its id."""
    loop = asyncio.get_running_loop()
    exited = asyncio.Event()
    handle = os.pidfd_open(process.pid)
    try:
        loop.add_reader(handle, exited.set)
        await exited.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # not reaped yet, so the group id is still ours
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    process.wait()  # it is dead already: this only reaps
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@contextlib.asynccontextmanager
async def _reader(pipe: IO[bytes]) -> AsyncIterator[asyncio.StreamReader]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        yield reader
    finally:
        transport.close()


async def _all(reader: asyncio.StreamReader, name: str, limit: int) -> bytes:
    collected = bytearray()
    while chunk := await reader.read(_CHUNK):
        collected += chunk
        if len(collected) > limit:
            raise OutputTooLarge(name, limit)
    return bytes(collected)


async def _tail(reader: asyncio.StreamReader, limit: int) -> bytes:
    collected = bytearray()
    while chunk := await reader.read(_CHUNK):
        collected += chunk
        del collected[:-limit]
    return bytes(collected)
