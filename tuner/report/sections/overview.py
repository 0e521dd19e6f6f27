"""The top of the page: the answer in one sentence, and the numbers that go with it."""

from __future__ import annotations

from statistics import median

from tuner.report.cost import Cost
from tuner.report.html import Html, el
from tuner.report.narrative import answer, mattered, question, standing, trust
from tuner.report.study_view import Gathered
from tuner.text import count, duration, number, percent


def summary(results: Gathered, cost: Cost) -> Html:
    """Name, question, answer, key numbers."""
    running = results.study.record.alive
    return el(
        "header",
        el("p", "Study report", el("span", " · running", class_="running") if running else None, class_="eyebrow"),
        el("h1", results.study.record.name),
        el("p", question(results), class_="question"),
        el("p", answer(results), class_="answer"),
        el("p", " ".join([*trust(results), *([mattered(results)] if results.best else [])]), class_="trust"),
        el("p", _UNFINISHED, class_="note") if running else None,
        _tiles(results, cost),
    )


_UNFINISHED = (
    "The study was running when this page was made: it shows what was there then. Make it again to see what came after."
)


def _tiles(results: Gathered, cost: Cost) -> Html:
    best = results.best
    complete = [float(seen.value) for seen in results.in_state("complete") if seen.value is not None]
    tiles = [
        (f"best {results.metric}", number(best.value) if best else "–", f"trial {best.number}" if best else "none yet"),
        ("median", number(median(complete)) if complete else "–", count(len(complete), "complete trial")),
        ("trials", number(len(results.trials)), standing(results).partition(": ")[2] or "none yet"),
        ("epochs", number(cost.epochs), _saved(cost)),
        ("time", duration(cost.wall_s or cost.seconds), f"{duration(cost.seconds)} of training"),
    ]
    return el("dl", [el("div", el("dt", name), el("dd", value, el("small", more))) for name, value, more in tiles],
              class_="tiles")  # fmt: skip


def _saved(cost: Cost) -> str:
    return "over all trials" if not cost.saved else f"{percent(cost.saved_share)} saved by ending trials early"
