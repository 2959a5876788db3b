"""When are two spellings the same name?"""

from __future__ import annotations

import re
import unicodedata

# What may stand between the words of one name. A line break ends a name.
_SEPARATORS = re.compile(r"[ \t\-_\u2010-\u2015]+")


def canonical(text: str) -> str:
    """Compatibility forms unified (NFKC), letter case folded, and separators between words made one space."""
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
