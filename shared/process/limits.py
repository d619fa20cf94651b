"""How much of the machine one program may use.

The kernel enforces the resource limits of the program and of everything it starts; `run` enforces the
output caps. The limits are set right after the start (`prlimit`), so no code runs between fork and exec.
"""

import contextlib
import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one run; the defaults suit a build of a large repository. Sizes are bytes."""

    memory: int = 8 << 30
    """Address space. Go programs reserve much more than they use, so leave room."""
    cpu_seconds: int = 300
    file_size: int = 1 << 30
    open_files: int = 1024
    stdout: int = 128 << 20
    stderr: int = 64 << 10
    """Only the last so many bytes are kept; more is not an error."""

    def impose(self, pid: int) -> None:
        """Limit a process that was just started; one that has already ended needs no limit."""
        bounds = {
            resource.RLIMIT_AS: self.memory,
            resource.RLIMIT_CPU: self.cpu_seconds,
            resource.RLIMIT_FSIZE: self.file_size,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_CORE: 0,
        }
        with contextlib.suppress(ProcessLookupError):
            for kind, bound in bounds.items():
                _, hard = resource.prlimit(pid, kind)
                lowest = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
                resource.prlimit(pid, kind, (lowest, lowest))
