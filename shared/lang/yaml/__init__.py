"""YAML as Kubernetes tools written in Go understand it.

YAML libraries disagree about what `yes`, `0644`, `1e3` or `12:30` mean, and manifests are only portable
when we read and write them exactly like the tools around us. Two dialects are needed:

- `load`, `load_all`, `documents`: how manifests are read. Only the true/false family is boolean.
- `load_yaml11`, `load_all_yaml11`: how text is read after variable substitution, and how Helm reads its
  files. `yes`, `on` or `y` are booleans too, and a later duplicate of a key wins.

Both give JSON values: mapping keys are strings, `1.0` is the integer 1, timestamps stay strings. `dump`
and `dump_all` write the canonical text from which digests are made and into which variables are expanded.

Reading is bounded: size, nesting and what aliases may expand to have limits, and an error names a position
and a problem but never repeats the text, which may be a Secret.
"""

from shared.lang.yaml.errors import YamlError
from shared.lang.yaml.reading import (
    Document,
    Limits,
    Quirk,
    documents,
    load,
    load_all,
    load_all_yaml11,
    load_yaml11,
)
from shared.lang.yaml.scalars import needs_quotes, scalar_text
from shared.lang.yaml.spans import Place, Span, spans
from shared.lang.yaml.writing import dump, dump_all

__all__ = [
    "Document",
    "Limits",
    "Place",
    "Quirk",
    "Span",
    "YamlError",
    "documents",
    "dump",
    "dump_all",
    "load",
    "load_all",
    "load_all_yaml11",
    "load_yaml11",
    "needs_quotes",
    "scalar_text",
    "spans",
]
