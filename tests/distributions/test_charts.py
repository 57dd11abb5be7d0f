"""Charts of previews: told in words as well, safe whatever a name holds, and true to scale."""

import re
from decimal import Decimal

from defusedxml import ElementTree

from distributions.charts import SIZES, Bar, bars

SVG = "{http://www.w3.org/2000/svg}"


def draw(*rows: Bar) -> str:
    return str(bars(rows, series=("Investors", "Sponsor"), key="k", title="Tiers"))


class TestBars:
    def test_have_a_title_and_say_every_figure_in_words(self) -> None:
        drawn = draw(Bar("Capital", (Decimal(100), Decimal(0))), Bar("Split", (Decimal(70), Decimal(30))))

        root = ElementTree.fromstring(drawn)
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-labelledby"] == "chart-k-wide-title chart-k-wide-desc"
        assert root.find("title").text == "Tiers"
        assert root.find("desc").text == "Capital: Investors $100.00; Split: Investors $70.00, Sponsor $30.00"

    def test_are_as_long_as_their_amounts(self) -> None:
        drawn = draw(Bar("a", (Decimal(100), Decimal(100))), Bar("b", (Decimal(50), Decimal(0))))

        assert re.findall(r'class="part-[12]" x="[0-9.]+" y="[0-9]+" width="([0-9.]+)"', drawn) == [
            "280.0",
            "280.0",
            "140.0",
        ]

    def test_need_no_script_and_no_style(self) -> None:
        drawn = draw(Bar('<script>alert("x")</script>', (Decimal(1), Decimal(1))))

        assert "<script" not in drawn and "style=" not in drawn

    def test_cut_long_names_short_where_there_is_little_room(self) -> None:
        name = "70% to investors, 30% to the sponsor"
        drawn = bars([Bar(name, (Decimal(1),))], series=("You",), key="k", title="T", size=SIZES[1])

        assert ">70% to investors, 30% t…<" in drawn
        assert f'<desc id="chart-k-narrow-desc">{name}: You $1.00' in drawn

    def test_are_not_drawn_of_nothing(self) -> None:
        assert draw(Bar("a", (Decimal(0), Decimal(0)))) == ""
