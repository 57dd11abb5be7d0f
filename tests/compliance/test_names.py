"""Names are brought into one form, whatever way they were written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance import names


class TestNormalise:
    @pytest.mark.parametrize(
        ("written", "normalised"),
        [
            ("ZAYDAN, Muhammad", "zaydan muhammad"),
            ("NU'MAN ALAEDDIN", "numan alaeddin"),
            ("‘ABD AL-RAHMAN BIN ‘UMAYR AL-NU’AYMI", "abd al rahman bin umayr al nuaymi"),
            ("COMERCIAL CIMEX, S.A.", "comercial cimex sa"),
            ("A.B.Smith", "ab smith"),
            ("José Muñoz", "jose munoz"),
            ("Łukasz Sørensen", "lukasz sorensen"),
            ("Groß & Söhne", "gross sohne"),
            ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
            ("𝐁𝐨𝐥𝐝", "bold"),
            ("zero\u200bwidth", "zerowidth"),
            ("  under_score\tand\ntabs  ", "under score and tabs"),
            ("Иван", "иван"),
            ("李小龙", "李小龙"),
            ("'—…", ""),
        ],
    )
    def test_takes_away_what_is_not_the_name(self, written: str, normalised: str) -> None:
        assert names.normalise(written) == normalised

    @given(st.text(max_size=60))
    def test_is_done_in_one_go(self, text: str) -> None:
        once = names.normalise(text)
        assert names.normalise(once) == once


class TestKey:
    def test_is_the_same_in_any_order_of_words(self) -> None:
        assert names.key("KRUG, Ivan Petrovich") == names.key("Ivan Petrovich Krug") == "ivan krug petrovich"

    def test_keeps_a_word_as_often_as_it_is_there(self) -> None:
        assert names.key("Ali Ali") != names.key("Ali")

    @given(st.lists(st.text(alphabet="abcde", min_size=1, max_size=4), max_size=5), st.randoms())
    def test_does_not_depend_on_order(self, words: list[str], random: object) -> None:
        assert names.key(" ".join(words)) == names.key(" ".join(reversed(words)))


class TestCompare:
    def test_scores_the_same_words_with_one(self) -> None:
        assert names.compare("Ivan Krug", "KRUG, Ivan") == Decimal("1.0000")

    def test_scores_other_words_with_zero(self) -> None:
        assert names.compare("Ivan Krug", "KRUG, Iwan") == Decimal("0.0000")

    def test_finds_nothing_in_common_between_two_names_of_which_nothing_is_left(self) -> None:
        assert names.compare("—", "…") == Decimal("0.0000")
