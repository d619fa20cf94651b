"""The libraries for object stores take tens of megabytes, which most controllers never need."""

import subprocess
import sys

SCRIPT = """
import sys, source_controller.app
found = {name for name in sys.modules if name.partition(".")[0] in {"boto3", "botocore", "azure", "google"}}
sys.exit(" ".join(sorted(found)) or 0)
"""


def test_the_controller_starts_without_them():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
