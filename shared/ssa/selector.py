"""Which objects a rule is for: patterns on identity, selectors on labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject
from shared.lang.patterns import Pattern, PatternError

#: Enough for hundreds of alternatives. What needs more takes too long for each object.
_MEMORY: Final = 256 * 1024
_TERM = re.compile(
    r"""\s*+(?:
        (?P<absent>!)\s*+(?P<missing>[\w./-]++)
      | (?P<key>[\w./-]++)\s*+(?:
            (?P<sign>==|!=|=)\s*+(?P<value>[\w.-]*+)
          | (?<=\s)(?P<word>in|notin)\s*+\((?P<values>[^()]*+)\)
        )?
    )\s*+(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a selector: the key must be there, or not, with one of the values."""

    key: str
    values: frozenset[str] | None
    negated: bool = False

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy the term; a negated one accepts an absent key."""
        if self.values is None:
            return (self.key in labels) is not self.negated
        holds = self.key in labels and labels[self.key] in self.values
        return holds is not self.negated


def parse_selector(text: str) -> tuple[Requirement, ...]:
    """Parses `a=b,c!=d,e in (x,y),f notin (z),g,!h`.

    Raises:
        ValueError: the text is no such selector.
    """
    terms: list[Requirement] = []
    text = text.rstrip()
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise ValueError(
                f"'{text}' is not a selector: can't read it from '{text[position:].lstrip()}' on"
            )
        position = match.end()
        if match["absent"]:
            terms.append(Requirement(match["missing"], None, negated=True))
        elif match["sign"]:
            terms.append(Requirement(match["key"], frozenset({match["value"]}), match["sign"] == "!="))
        elif match["word"]:
            values = frozenset(part.strip() for part in match["values"].split(","))
            terms.append(Requirement(match["key"], values, match["word"] == "notin"))
        else:
            terms.append(Requirement(match["key"], None))
    return tuple(terms)


@dataclass(frozen=True, slots=True)
class Target:
    """Compiled patterns and selectors; an empty target is for every object."""

    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    labels: tuple[Requirement, ...] = ()
    annotations: tuple[Requirement, ...] = ()

    @classmethod
    def compile(cls, target: Mapping[str, str | None]) -> Target:
        """Compiles a target with the fields of the wire; patterns match whole values.

        Raises:
            ValueError: a pattern or selector doesn't parse.
        """
        patterns: dict[str, Pattern] = {}
        for name in ("group", "version", "kind", "namespace", "name"):
            text = target.get(name)
            if not text:
                continue
            try:
                patterns[name] = Pattern(f"^(?:{text})$", memory=_MEMORY)
            except PatternError as error:
                raise ValueError(f"target.{name} '{text}' is not a regular expression: {error}") from error
        return cls(
            patterns,
            parse_selector(target.get("labelSelector") or ""),
            parse_selector(target.get("annotationSelector") or ""),
        )

    def accepts(self, obj: JsonObject) -> bool:
        """Whether the object is meant."""
        metadata = obj.get("metadata") or {}
        group, version = split_api_version(obj.get("apiVersion") or "")
        facts = {
            "group": group,
            "version": version,
            "kind": obj.get("kind") or "",
            "namespace": metadata.get("namespace") or "",
            "name": metadata.get("name") or "",
        }
        return (
            all(pattern.matches(facts[name]) for name, pattern in self.patterns.items())
            and all(term.accepts(metadata.get("labels") or {}) for term in self.labels)
            and all(term.accepts(metadata.get("annotations") or {}) for term in self.annotations)
        )
