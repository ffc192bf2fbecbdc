from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from reports.charts import PALETTE, ChartData, Series, _round_axis, svg, text_width

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: ChartData) -> ElementTree.Element:
    return ElementTree.fromstring(svg(chart))


def texts(chart: ChartData) -> list[str]:
    return [element.text or "" for element in drawn(chart).iter(f"{SVG}text")]


def bars(chart: ChartData) -> list[tuple[str, float]]:
    found = drawn(chart).findall(f"{SVG}rect")
    legend = len(chart.series) if len(chart.series) > 1 else 0
    return [(rect.attrib["fill"], float(rect.attrib["width"])) for rect in found[legend:]]


def values(*numbers: str | None) -> list[Decimal | None]:
    return [None if n is None else Decimal(n) for n in numbers]


def test_bars_are_as_long_as_their_values_and_say_them() -> None:
    chart = ChartData("bar", "Branches", ["桃村支行", "A & <B>"], [Series("NPL ratio", values("4.00", "1.00"))], "%")
    (_, long), (_, short) = bars(chart)
    assert long == pytest.approx(4 * short, rel=0.01)
    assert texts(chart) == ["桃村支行", "4.00", "A & <B>", "1.00"]


def test_stacked_bars_add_up_to_their_label_and_name_each_series_in_the_legend() -> None:
    series = [
        Series("Doubtful", values("30.00", "10.00"), "doubtful"),
        Series("Loss", values("10.00", None), "loss"),
    ]
    chart = ChartData("stacked_bar", "Below normal", ["A", "B"], series, "10,000 yuan")
    assert {"Doubtful", "Loss", "40.00", "10.00"} <= set(texts(chart))
    assert [colour for colour, _ in bars(chart)] == [PALETTE["doubtful"], PALETTE["loss"], PALETTE["doubtful"]]
    lengths = [length for _, length in bars(chart)]
    assert lengths[0] == pytest.approx(3 * lengths[1], rel=0.01)


def test_a_value_that_is_not_available_is_a_dash_in_a_bar_and_a_gap_in_a_line() -> None:
    bar = ChartData("bar", "Ratio", ["A", "B"], [Series("R", values(None, "1"))], "%")
    assert "—" in texts(bar)
    line = ChartData("line", "Ratio", list("ABCDE"), [Series("R", values("1", "2", None, "3", "4"))], "%")
    assert len(drawn(line).findall(f"{SVG}polyline")) == 2


def test_the_newest_month_keeps_its_label_when_there_is_no_room_for_all() -> None:
    months = [f"{2023 + i // 12}-{i % 12 + 1:02d}" for i in range(40)]
    chart = ChartData("line", "Balance", months, [Series("Balance", values(*map(str, range(40))))], "")
    labels = [text for text in texts(chart) if re.fullmatch(r"\d{4}-\d\d", text)]
    assert labels[0] == months[-1]
    assert len(labels) < 20


def test_a_chart_names_itself_to_a_screen_reader() -> None:
    root = drawn(ChartData("bar", "Balance", ["A"], [Series("B", values("1"))], "10,000 yuan"))
    assert root.attrib["role"] == "img"
    assert root.find(f"{SVG}title").text == "Balance (10,000 yuan)"  # type: ignore[union-attr]


def test_a_chart_without_values_is_drawn_empty() -> None:
    for kind in ("bar", "stacked_bar", "line"):
        drawn(ChartData(kind, "Nothing", [], [Series("S", [])], "%"))  # type: ignore[arg-type]
        drawn(ChartData(kind, "Zero", ["A"], [Series("S", values("0"))], "%"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high"), [("0", "0.07"), ("0", "1"), ("0", "99.9"), ("-3.2", "11"), ("0", "7714.70"), ("0", "0")]
)
def test_an_axis_holds_both_ends_with_round_steps(low: str, high: str) -> None:
    start, step = _round_axis(Decimal(low), Decimal(high))
    assert start <= Decimal(low) <= Decimal(high) <= start + 4 * step
    assert str(step.normalize()).replace("0", "").replace(".", "").split("E")[0] in {"1", "2", "25", "5"}


def test_a_chart_refuses_what_it_cannot_show() -> None:
    with pytest.raises(ValueError, match="negative"):
        ChartData("bar", "T", ["A"], [Series("S", values("-1"))], "%")
    with pytest.raises(ValueError, match="each category"):
        ChartData("bar", "T", ["A", "B"], [Series("S", values("1"))], "%")


def test_chinese_text_is_taken_to_be_wider_than_latin() -> None:
    assert text_width("贷款") > text_width("ab")
