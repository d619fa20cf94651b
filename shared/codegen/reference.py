"""A page per kind for readers: every field with its type, whether it is needed, and what it means.

It is written from the schema of the definition, so the page can't promise what the server doesn't keep.
"""

from collections.abc import Iterator
from typing import Any

from shared.api.meta import StaticResource
from shared.codegen.crds import schema
from shared.codegen.docs import summary
from shared.lang.json import JsonObject


def page(kind: type[StaticResource]) -> str:
    """The page as Markdown."""
    parts = schema(kind)["properties"]
    names = ", ".join(f"`{name}`" for name in kind.SHORT_NAMES) or "none"
    lines = [
        f"# {kind.KIND}",
        "",
        summary(kind),
        "",
        f"API version `{kind.api_version()}`, resource `{kind.PLURAL}`, short names {names}.",
    ]
    for title in (part for part in ("spec", "status") if part in parts):
        lines += ["", f"## {title}", "", "| Field | Type | Needed | Meaning |", "|---|---|---|---|"]
        lines += _rows(parts[title], title)
    return "\n".join(lines) + "\n"


def _rows(node: JsonObject, path: str) -> Iterator[str]:
    needed = set(node.get("required", ()))
    for rule in node.get("x-kubernetes-validations", ()):
        yield f"| `{path}` | rule | | {rule['message']} |"
    for name, field in node.get("properties", {}).items():
        where = f"{path}.{name}"
        yield (
            f"| `{where}` | {_type(field)} | {'yes' if name in needed else ''} | {_cell(_meaning(field))} |"
        )
        inner = field
        while inner.get("type") == "array":
            inner, where = inner["items"], f"{where}[]"
        yield from _rows(inner, where)


def _type(field: JsonObject) -> str:
    if "type" not in field:
        return "any"
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    if field.get("format") == "date-time":
        return "time"
    return str(field["type"])


def _meaning(field: JsonObject) -> str:
    words = [str(field["description"])]
    leaf: dict[str, Any] = field["items"] if field.get("type") == "array" else field
    if "enum" in leaf:
        words.append("One of " + ", ".join(f"`{value}`" for value in leaf["enum"]) + ".")
    if "pattern" in leaf:
        words.append(f"Pattern `{leaf['pattern']}`.")
    if "maxLength" in leaf:
        words.append(f"Length {leaf.get('minLength', 0)} to {leaf['maxLength']}.")
    if "default" in field:
        default = str(field["default"]).lower() if isinstance(field["default"], bool) else field["default"]
        words.append(f"Stored default: `{default}`.")
    return " ".join(words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
