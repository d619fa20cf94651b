"""`python -m shared.codegen crds|docs [--check]`: writes what follows from the models, or compares it."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from shared.codegen.places import definitions, pages

ROOT: Final = Path(__file__).parents[2]
PRODUCTS: Final[Mapping[str, Callable[[], dict[str, str]]]] = {"crds": definitions, "docs": pages}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: all files are as they should be; 1: `--check` found differences."""
    parser = argparse.ArgumentParser(prog="python -m shared.codegen", description=__doc__)
    parser.add_argument("what", choices=tuple(PRODUCTS))
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    options = parser.parse_args(argv)
    stale = differing(options.root, PRODUCTS[options.what]())
    for name, text in stale.items():
        if options.check:
            print(
                f"{name} is not what the models say, run: python -m shared.codegen {options.what}",
                file=sys.stderr,
            )
            continue
        path = options.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {name}")
    return 1 if stale and options.check else 0


def differing(root: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the files whose content is another, or which don't exist."""
    return {
        name: text
        for name, text in wanted.items()
        if not (root / name).is_file() or (root / name).read_text() != text
    }


if __name__ == "__main__":
    sys.exit(main())
