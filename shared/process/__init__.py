"""The only place that starts programs.

`run` takes an argument list, an exact environment and a time limit, and returns when nothing of what it
started is left. See `shared.process.run` for the promises and `shared.process.jail` for the file-system
jail.
"""

from shared.process.errors import (
    ArgumentsTooLong,
    OutputTooLarge,
    ProcessError,
    ProgramFailed,
    ProgramMissing,
    ProgramNotStarted,
    ProgramTimeout,
)
from shared.process.jail import Jail, jail_available
from shared.process.limits import Limits
from shared.process.run import Completed, find_program, run

__all__ = [
    "ArgumentsTooLong",
    "Completed",
    "Jail",
    "Limits",
    "OutputTooLarge",
    "ProcessError",
    "ProgramFailed",
    "ProgramMissing",
    "ProgramNotStarted",
    "ProgramTimeout",
    "find_program",
    "jail_available",
    "run",
]
