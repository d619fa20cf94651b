"""A file-system and network jail for one program, made of Linux's Landlock.

A jail belongs to a thread and is inherited by what that thread starts; it can never be left. So `run`
enters the jail in a thread that exists only to start the program, and no code has to run between fork and
exec. Everything that isn't listed is out of reach: other files can't be opened, whatever a path, a link or
`..` says.

Where the kernel has no Landlock (`jail_available()` is False) nothing is confined; callers decide whether
that is acceptable for what they run.
"""

import ctypes
import functools
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SYSTEM = (Path("/usr"), Path("/lib"), Path("/lib64"), Path("/bin"), Path("/etc"), Path("/dev"))
"""What programs and their libraries need of the system: readable in every jail."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_RIGHTS_SINCE = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many file-system rights each version of the interface knows."""
_TCP_SINCE = 4
_TCP = 1 << 0 | 1 << 1


@dataclass(frozen=True, slots=True)
class Jail:
    """What a program may touch besides the system's own directories."""

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    network: bool = False
    """Whether TCP is allowed; kernels before 6.7 can't refuse it."""

    def enter(self) -> None:
        """Confine the calling thread, and what it starts, for ever; without Landlock do nothing."""
        version = _version()
        if version == 0:
            return
        known = (1 << max(bits for since, bits in _RIGHTS_SINCE.items() if since <= version)) - 1
        tcp = 0 if self.network else _TCP
        attributes = struct.pack("=QQ", known, tcp)[: 16 if version >= _TCP_SINCE else 8]
        ruleset = _syscall(_CREATE_RULESET, attributes, len(attributes), 0)
        try:
            _allow(ruleset, (*SYSTEM, *self.read), _READ)
            _allow(ruleset, (Path("/dev/null"),), known & _FOR_FILES)
            _allow(ruleset, self.write, known)
            if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "no_new_privs refused")
            _syscall(_RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)


def jail_available() -> bool:
    """Whether this kernel can confine a program."""
    return _version() > 0


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        try:
            target = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # what doesn't exist needs no permission
        try:
            granted = rights if path.is_dir() else rights & _FOR_FILES
            _syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", granted, target), 0)
        finally:
            os.close(target)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _version() -> int:
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)))


def _syscall(number: int, *arguments: object) -> int:
    answer = int(_libc().syscall(number, *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), "the kernel refused the jail")
    return answer
