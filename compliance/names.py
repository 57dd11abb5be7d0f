"""
Names, brought into the one form in which they are compared.

Writing differs where the name does not: case, accents, punctuation, the order of family and given
names ("ZAYDAN, Muhammad"). ``normalise`` takes those away and ``key`` sorts the words, so that an
index finds a name whatever way it was written. Spelling is not forgiven here: ``compare`` answers
one or zero today, as a score between the two, so that a fuzzy comparison can take its place.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

SAME = Decimal("1.0000")
DIFFERENT = Decimal("0.0000")

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n"}
)
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘‛`´ʹʻʼʽʾʿˈ＇"))
_DOT_BETWEEN_INITIALS = re.compile(r"(?<=\b\w)\.(?=\w\b)")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def normalise(name: str) -> str:
    """
    Write a name in lower case without accents and punctuation, its words in their order.

    Apostrophes vanish ("NU'MAN" is "numan"), dots between initials too ("S.A." is "sa"); every
    other mark separates words. Nothing is left of a name without letters or digits.
    """
    letters = name.translate(_APOSTROPHES).casefold() if name.isascii() else _ascii_like(name)
    joined = _DOT_BETWEEN_INITIALS.sub("", letters)
    return _BETWEEN_WORDS.sub(" ", joined).strip()


def _ascii_like(name: str) -> str:
    """Take a name's letters apart into base letters and marks, and leave the marks out; ASCII has none."""
    bare = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES)).casefold()
    apart = unicodedata.normalize("NFKD", bare).translate(_LETTERS)
    return "".join(char for char in apart if unicodedata.category(char) not in {"Mn", "Me", "Cf"})


@lru_cache(maxsize=8192)
def key(name: str) -> str:
    """Write a name as its normalised words in alphabetical order: what the index of listed names holds."""
    return " ".join(sorted(normalise(name).split()))


def compare(name: str, listed: str) -> Decimal:
    """
    Score how alike two names are, from 0 to 1 with four places.

    Today it is 1 when both consist of the same words, in whatever order, and 0 otherwise. Two names
    of which nothing is left have nothing in common.
    """
    words = key(name)
    return SAME if words and words == key(listed) else DIFFERENT
