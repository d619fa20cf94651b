"""How far an object of any kind has come, told from the object alone.

`status_of` is a pure function of an object and the time: generic rules first, then one small function per
built-in kind, then the Ready condition that well-behaved custom resources have. Nothing here does I/O, so the
same code serves waits, dependency gates and tests. Checks that users write in CEL are in `checks`.
"""

from shared.status.kstatus.checks import CheckSpec, CustomChecks, InvalidHealthCheck
from shared.status.kstatus.pods import label_selector, pod_selector, with_pods
from shared.status.kstatus.reader import Companions, StatusReader
from shared.status.kstatus.result import Result, Status
from shared.status.kstatus.rules import status_of

__all__ = [
    "CheckSpec",
    "Companions",
    "CustomChecks",
    "InvalidHealthCheck",
    "Result",
    "Status",
    "StatusReader",
    "label_selector",
    "pod_selector",
    "status_of",
    "with_pods",
]
