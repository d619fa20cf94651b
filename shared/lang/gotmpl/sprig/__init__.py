"""The text functions of templates, as the Sprig library has them, without effects and without chance."""

from collections.abc import Mapping
from typing import Final

from shared.lang.gotmpl.functions import Function
from shared.lang.gotmpl.sprig.collections import COLLECTIONS
from shared.lang.gotmpl.sprig.encodings import ENCODINGS
from shared.lang.gotmpl.sprig.numbers import NUMBERS
from shared.lang.gotmpl.sprig.texts import TEXTS
from shared.lang.gotmpl.sprig.words import WORDS

SPRIG: Final[Mapping[str, Function]] = {**TEXTS, **WORDS, **COLLECTIONS, **NUMBERS, **ENCODINGS}

__all__ = ["SPRIG"]
