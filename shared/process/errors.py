"""What can go wrong with a program.

Messages name the program alone: arguments, environment and input may hold secrets. What the program wrote
to its error output goes into a message only through the redaction that the caller gave to `run`.

    ProcessError
      ProgramMissing      there is no such program, or it may not be executed
      ProgramNotStarted   the system refused to start it
        ArgumentsTooLong    its arguments are more than the system takes
      ProgramTimeout      it ran longer than allowed and was killed
      ProgramFailed       it ended with another code than 0, or by a signal
      OutputTooLarge      it wrote more than its limit and was killed
"""

import signal
from datetime import timedelta


class ProcessError(Exception):
    """A program didn't do its work; `program` is its name."""

    def __init__(self, program: str, message: str) -> None:
        """Keep the name of the program next to the message."""
        super().__init__(message)
        self.program = program


class ProgramMissing(ProcessError):
    """There is no such program, or it may not be executed."""

    def __init__(self, program: str) -> None:
        """Say which program has to be installed."""
        super().__init__(
            program, f"program {program!r} not found or not executable; install it or set its path"
        )


class ProgramNotStarted(ProcessError):
    """The system refused to start the program."""

    def __init__(self, program: str, reason: str) -> None:
        """Say what the system says."""
        super().__init__(program, f"{program} can't be started: {reason}")


class ArgumentsTooLong(ProgramNotStarted):
    """The arguments of the program are more than the system takes."""

    def __init__(self, program: str) -> None:
        """Blame the arguments, whatever the system calls them."""
        super().__init__(program, "its arguments are too long")


class ProgramTimeout(ProcessError):
    """The program ran longer than allowed; its process group was killed."""

    def __init__(self, program: str, timeout: timedelta) -> None:
        """Name the limit that was reached."""
        super().__init__(program, f"{program} didn't finish within {timeout.total_seconds():g}s")
        self.timeout = timeout


class OutputTooLarge(ProcessError):
    """The program wrote more to its standard output than allowed; its process group was killed."""

    def __init__(self, program: str, limit: int) -> None:
        """Name the limit that was reached."""
        super().__init__(program, f"{program} wrote more than {limit} bytes of output")
        self.limit = limit


class ProgramFailed(ProcessError):
    """The program ended with another code than 0; `stderr` is the redacted end of its error output."""

    def __init__(self, program: str, returncode: int, stderr: str) -> None:
        """Describe the end, and what the program said about it."""
        said = stderr.strip()
        super().__init__(program, f"{program} {_ending(returncode)}" + (f": {said}" if said else ""))
        self.returncode = returncode
        self.stderr = said


def _ending(returncode: int) -> str:
    if returncode >= 0:
        return f"failed with exit code {returncode}"
    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was ended by signal {-returncode}"
