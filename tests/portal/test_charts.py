"""Charts: drawings that are exact, described in words, and free of anything a strict policy refuses."""

import re
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realco.portal import charts
from realco.portal.charts import NARROW, Part, Series, Size

FRAME = Size(width=760, height=240, day_labels=6)
DAYS = [date(2026, 1, 5), date(2026, 2, 1), date(2026, 3, 1), date(2026, 7, 1)]
AT_WORK = Series("At work", [Decimal(0), Decimal(0), Decimal(7000), Decimal(6500)])
ESCROWED = Series("In escrow", [Decimal(5000), Decimal(7000), Decimal(0), Decimal(0)])
AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("9999999999.99"), places=2)


def drawn(series: list[Series], *, days: list[date] = DAYS) -> str:
    return str(
        charts.stacked_steps(days, series, size=FRAME, key="wide", title="Money", description="From 0 to 6,500.")
    )


def parsed(picture: object) -> ElementTree.Element:
    # What is parsed here was drawn by the code under test.
    return ElementTree.fromstring(str(picture))  # noqa: S314


class TestStackedSteps:
    def test_is_xml_with_a_title_and_a_description(self) -> None:
        picture = parsed(drawn([AT_WORK, ESCROWED]))

        assert picture.attrib["role"] == "img"
        assert picture.findtext("title") == "Money"
        assert picture.findtext("desc") == "From 0 to 6,500."

    def test_carries_no_style_attribute_and_no_script(self) -> None:
        text = drawn([AT_WORK, ESCROWED])

        assert "style" not in text
        assert "script" not in text

    def test_holds_each_amount_until_the_next_day_on_both_edges(self) -> None:
        text = drawn([Series("a", [Decimal(1), Decimal(2)]), Series("b", [Decimal(3), Decimal(2)])], days=DAYS[:2])

        paths = re.findall(r'<path class="area-(\d)" d="([^"]+)"', text)

        # The ceiling is 4, the axis at 214.0, the top at 10.0: one unit is 51 high.
        assert paths[0] == ("1", "M56.0 214.0V163.0H746.0V112.0V214.0H56.0Z")
        assert paths[1] == ("2", "M56.0 163.0V10.0H746.0V10.0V163.0H56.0Z")

    def test_leaves_out_a_series_that_is_all_zero(self) -> None:
        text = drawn([AT_WORK, Series("b", [Decimal(0)] * 4)])

        assert 'class="area-1"' in text
        assert 'class="area-2"' not in text

    def test_is_empty_with_less_than_two_days(self) -> None:
        assert drawn([Series("a", [Decimal(5)])], days=DAYS[:1]) == ""

    def test_escapes_what_it_is_told(self) -> None:
        text = str(charts.stacked_steps(DAYS, [AT_WORK], size=NARROW, key="n", title="<b>&", description='"quoted"'))

        assert "<b>" not in text
        parsed(text)

    @given(st.lists(AMOUNTS, min_size=2, max_size=4))
    def test_never_draws_outside_its_frame(self, amounts: list[Decimal]) -> None:
        text = drawn([Series("a", amounts), Series("b", amounts)], days=DAYS[: len(amounts)])

        for path in re.findall(r' d="([^"]+)"', text):
            heights = [Decimal(number) for number in re.findall(r"V([\d.]+)", path)]
            assert all(FRAME.top <= height <= FRAME.height - FRAME.bottom for height in heights)


class TestCeilingOf:
    @given(AMOUNTS)
    def test_is_not_below_the_amount_and_not_far_above(self, amount: Decimal) -> None:
        ceiling = charts.ceiling_of(amount)

        assert amount <= ceiling <= amount * Decimal("2.5")

    def test_splits_into_four_round_intervals(self) -> None:
        assert charts.ceiling_of(Decimal("9949.20")) == Decimal(10000)
        assert charts.ceiling_of(Decimal(250_000)) == Decimal(300_000)

    def test_draws_an_axis_even_when_there_is_nothing(self) -> None:
        assert charts.ceiling_of(Decimal(0)) == Decimal(100)


class TestShortMoney:
    @pytest.mark.parametrize(
        ("amount", "words"),
        [("0", "$0"), ("950", "$950"), ("2.5", "$2.5"), ("37500", "$37.5k"), ("1000000", "$1M"), ("7500000", "$7.5M")],
    )
    def test_writes_an_amount_for_an_axis(self, amount: str, words: str) -> None:
        assert charts.short_money(Decimal(amount)) == words


class TestStackedBar:
    def test_shares_the_whole_width_and_hides_nobody(self) -> None:
        parts = [Part("a", Decimal("0.01")), Part("b", Decimal("99999.99")), Part("c", Decimal(0))]

        picture = parsed(charts.stacked_bar(parts, key="k", title="t", description="d"))
        widths = [Decimal(box.attrib["width"]) for box in picture.findall("rect")[1:]]

        assert len(widths) == 2
        assert widths[0] >= 2
        assert sum(widths) + 2 == 760

    def test_is_an_empty_track_when_there_is_nothing(self) -> None:
        text = str(charts.stacked_bar([Part("a", Decimal(0))], key="k", title="t", description="d"))

        assert text.count("<rect") == 1


class TestProgressBar:
    def test_stops_at_its_end_when_more_came_in_than_wanted(self) -> None:
        text = str(charts.progress_bar(Decimal(2000), minimum=Decimal(1000), maximum=Decimal(1000), key="p", title="t"))

        assert 'class="part-1" x="0" y="0" width="760.0"' in text
        assert 'class="minimum-mark" x="758"' in text
