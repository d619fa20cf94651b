"""Functions on texts: cutting, joining, replacing, patterns, paths."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from shared.lang.gotmpl.effort import Effort
from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.functions import Function, functions
from shared.lang.gotmpl.printing import quoted, text_of
from shared.lang.gotmpl.values import TypedMap
from shared.lang.patterns import Match, Pattern, PatternError

_BLANK: Final = " \t\n\v\f\r\x85\xa0"
#: What finding one match costs, and how large a pattern may be for a text to cost no more than its length.
_MATCH: Final = 16
_SIZE_PER_SIGN: Final = 32


def lower(text: str) -> str:
    """Small letters."""
    return text.lower()


def upper(text: str) -> str:
    """Capital letters, one for each."""
    return "".join(big if len(big := sign.upper()) == 1 else sign for sign in text)


def trim(text: str) -> str:
    """Without blanks at its ends."""
    return text.strip(_BLANK)


def trim_all(signs: str, text: str) -> str:
    """Without some signs at its ends."""
    unwanted = frozenset(signs)
    start, end = 0, len(text)
    while start < end and text[start] in unwanted:
        start += 1
    while start < end and text[end - 1] in unwanted:
        end -= 1
    return text[start:end]


def trim_prefix(prefix: str, text: str) -> str:
    """Without a beginning."""
    return text.removeprefix(prefix)


def trim_suffix(suffix: str, text: str) -> str:
    """Without an end."""
    return text.removesuffix(suffix)


def trunc(length: int, text: str) -> str:
    """The first bytes, or with a negative length the last ones."""
    raw = text.encode()
    if length < 0:
        return raw[length:].decode(errors="replace") if len(raw) + length > 0 else text
    return raw[:length].decode(errors="replace") if len(raw) > length else text


def substr(start: int, end: int, text: str) -> str:
    """The bytes from a place up to another one."""
    raw = text.encode()
    if start < 0:
        return raw[: max(end, 0)].decode(errors="replace")
    if end < 0 or end > len(raw):
        return raw[start:].decode(errors="replace")
    return raw[start:end].decode(errors="replace")


def replace(effort: Effort, old: str, new: str, text: str) -> str:
    """With every occurrence replaced."""
    effort.spend(text.count(old) * len(new))
    return text.replace(old, new)


def repeat(effort: Effort, times: int, text: str) -> str:
    """A text many times."""
    if times < 0:
        raise CallError("strings: negative Repeat count")
    effort.spend(times * len(text))
    return text * times


def contains(part: str, text: str) -> bool:
    """Whether a text has a part."""
    return part in text


def has_prefix(prefix: str, text: str) -> bool:
    """Whether a text has a beginning."""
    return text.startswith(prefix)


def has_suffix(suffix: str, text: str) -> bool:
    """Whether a text has an end."""
    return text.endswith(suffix)


def quote(*values: Any) -> str:
    """Values in double quotes."""
    return " ".join(quoted(strval(value)) for value in values if value is not None)


def squote(*values: Any) -> str:
    """Values in single quotes."""
    return " ".join(f"'{text_of(value)}'" for value in values if value is not None)


def cat(*values: Any) -> str:
    """Values with blanks between them."""
    return " ".join(text_of(value) for value in values if value is not None)


def indent(effort: Effort, spaces: int, text: str) -> str:
    """With blanks before every line."""
    if spaces < 0:
        raise CallError("strings: negative Repeat count")
    effort.spend(spaces * (text.count("\n") + 1))
    pad = " " * spaces
    return pad + text.replace("\n", f"\n{pad}")


def nindent(effort: Effort, spaces: int, text: str) -> str:
    """On a new line, with blanks before every line."""
    return "\n" + indent(effort, spaces, text)


def nospace(text: str) -> str:
    """Without blanks."""
    return "".join(sign for sign in text if not sign.isspace())


def join(effort: Effort, separator: str, values: Any) -> str:
    """The members of a list with something between them."""
    members = strings(values)
    effort.spend(len(separator) * len(members))
    return separator.join(members)


def split(separator: str, text: str) -> TypedMap:
    """Parts by the keys `_0`, `_1` and so on."""
    return _numbered(_parts(separator, text, -1))


def splitn(separator: str, limit: int, text: str) -> TypedMap:
    """At most so many parts."""
    return _numbered(_parts(separator, text, limit))


def split_list(separator: str, text: str) -> list[str]:
    """Parts as a list."""
    return _parts(separator, text, -1)


def to_string(value: Any) -> str:
    """A value as text."""
    return strval(value)


def to_strings(values: Any) -> list[str]:
    """The members of a list as texts."""
    return strings(values)


def regex_match(effort: Effort, pattern: str, text: str) -> bool:
    """Whether a text has a match."""
    return next(_matches(effort, pattern, text), None) is not None


def regex_find(effort: Effort, pattern: str, text: str) -> str:
    """The first match."""
    match = next(_matches(effort, pattern, text), None)
    return match.text if match else ""


def regex_find_all(effort: Effort, pattern: str, text: str, limit: int) -> list[str]:
    """The matches, at most so many."""
    found = _matches(effort, pattern, text)
    return [match.text for match in (found if limit < 0 else islice(found, limit))]


def regex_replace_all(effort: Effort, pattern: str, text: str, replacement: str) -> str:
    """With every match replaced; `$1` or `${name}` is a group of it."""
    return _replaced(effort, pattern, text, replacement, expands="$" in replacement)


def regex_replace_all_literal(effort: Effort, pattern: str, text: str, replacement: str) -> str:
    """With every match replaced by a text as it is."""
    return _replaced(effort, pattern, text, replacement, expands=False)


def regex_split(effort: Effort, pattern: str, text: str, limit: int) -> list[str]:
    """What stands between matches, in at most so many parts."""
    if limit == 0:
        return []
    if pattern and not text:
        return [""]
    parts: list[str] = []
    begin = end = 0
    for match in _matches(effort, pattern, text):
        if 0 < limit == len(parts) + 1:
            break
        end = match.start
        if match.end != 0:
            parts.append(text[begin:end])
        begin = match.end
    if end != len(text):
        parts.append(text[begin:])
    return parts


def regex_quote_meta(text: str) -> str:
    """A pattern that matches just this text."""
    return "".join(f"\\{sign}" if sign in "\\.+*?()|[]{}^$" else sign for sign in text)


def base(path: str) -> str:
    """The last element of a path."""
    return (posixpath.basename(path.rstrip("/")) or "/") if path else "."


def dir_(path: str) -> str:
    """All but the last element of a path."""
    return clean(path[: path.rfind("/") + 1])


def ext(path: str) -> str:
    """The ending of a path, from its last point on."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else ""


def clean(path: str) -> str:
    """The shortest path that means the same."""
    short = posixpath.normpath(path) if path else "."
    return f"/{short.lstrip('/')}" if short.startswith("/") else short


def is_abs(path: str) -> bool:
    """Whether a path begins at the root."""
    return path.startswith("/")


def strval(value: Any) -> str:
    """A value as text."""
    return value if isinstance(value, str) else text_of(value)


def strings(values: Any) -> list[str]:
    """The members of a list that are something, as texts; anything else is a list of one."""
    if values is None:
        return []
    if isinstance(values, (list, tuple)):
        return [strval(value) for value in values if value is not None]
    return [strval(values)]


def _parts(separator: str, text: str, limit: int) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        signs = list(text)
        return (
            signs if limit < 0 or len(signs) <= limit else [*signs[: limit - 1], "".join(signs[limit - 1 :])]
        )
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _numbered(parts: list[str]) -> TypedMap:
    items = {f"_{number}": part for number, part in enumerate(parts)}
    return TypedMap(items, "", "map[string]string")


def _replaced(effort: Effort, pattern: str, text: str, replacement: str, *, expands: bool) -> str:
    parts: list[str] = []
    at = 0
    for match in _matches(effort, pattern, text, len(replacement)):
        new = match.expanded(replacement) if expands else replacement
        effort.spend(len(new))
        parts += [text[at : match.start], new]
        at = match.end
    return "".join([*parts, text[at:]])


def _matches(effort: Effort, pattern: str, text: str, further: int = 0) -> Iterator[Match]:
    """All matches; each search may go to the end of the text, with every part of the pattern in mind.

    `further` is the length of another text that is looked through for each match.
    """
    try:
        compiled = Pattern(pattern)
    except PatternError as error:
        raise CallError(f"error parsing regexp: {error}") from None
    size = compiled.size
    effort.spend(size + len(text) * size // _SIZE_PER_SIGN)
    for match in compiled.all(text):
        effort.spend(_MATCH + (len(text) - match.end + further) * size // _SIZE_PER_SIGN)
        yield match


TEXTS: Final[Mapping[str, Function]] = functions(
    lower,
    upper,
    trim,
    trunc,
    substr,
    replace,
    repeat,
    contains,
    quote,
    squote,
    cat,
    indent,
    nindent,
    nospace,
    join,
    split,
    splitn,
    base,
    dir_,
    ext,
    clean,
    trimAll=trim_all,
    trimPrefix=trim_prefix,
    trimSuffix=trim_suffix,
    hasPrefix=has_prefix,
    hasSuffix=has_suffix,
    splitList=split_list,
    toString=to_string,
    toStrings=to_strings,
    regexMatch=regex_match,
    mustRegexMatch=regex_match,
    regexFind=regex_find,
    mustRegexFind=regex_find,
    regexFindAll=regex_find_all,
    mustRegexFindAll=regex_find_all,
    regexReplaceAll=regex_replace_all,
    mustRegexReplaceAll=regex_replace_all,
    regexReplaceAllLiteral=regex_replace_all_literal,
    mustRegexReplaceAllLiteral=regex_replace_all_literal,
    regexSplit=regex_split,
    mustRegexSplit=regex_split,
    regexQuoteMeta=regex_quote_meta,
    isAbs=is_abs,
    osBase=base,
    osDir=dir_,
    osExt=ext,
    osClean=clean,
    osIsAbs=is_abs,
    trimall=trim_all,
)
