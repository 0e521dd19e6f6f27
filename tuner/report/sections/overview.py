"""The top of the page: the answer in one sentence, and the numbers that go with it."""

from __future__ import annotations

from statistics import median

from tuner.catalog import TrialState
from tuner.report.cost import Cost
from tuner.report.held_out_score import HonestScore, honest_score
from tuner.report.narrative import answer_text, caveats, question_text, status_text
from tuner.report.study_view import StudyView
from tuner.text import Html, count, duration, element, number, percent


def summary(results: StudyView, cost: Cost) -> Html:
    """Name, question, answer, key numbers."""
    running, score = results.study.record.alive, honest_score(results)
    return element(
        "header",
        element(
            "p", "Study report", element("span", " · running", class_="running") if running else None, class_="eyebrow"
        ),
        element("h1", results.study.record.name),
        element("p", question_text(results), class_="question"),
        element("p", score.sentence(), class_="answer") if score else None,
        element("p", str(control), class_="control") if (control := results.refit.get("control")) else None,
        element("p", answer_text(results), class_="searched" if score else "answer"),
        element(
            "p",
            " ".join([*caveats(results), *([results.importance["meaning"]] if results.best else [])]),
            class_="trust",
        ),
        element("p", _UNFINISHED, class_="note") if running else None,
        _tiles(results, cost, score),
    )


_UNFINISHED = (
    "The study was still running when this page was made, so it shows the trials up to then. Create the page again to "
    "see later ones."
)


def _tiles(results: StudyView, cost: Cost, score: HonestScore | None) -> Html:
    best = results.best
    complete = [float(seen.value) for seen in results.in_state(TrialState.COMPLETE) if seen.value is not None]
    honest = (
        [(f"test {results.metric}", number(score.value), score.uncertainty or "of the saved model")] if score else []
    )
    tiles = [
        *honest,
        (f"best {results.metric}", number(best.value) if best else "–", f"trial {best.number}" if best else "none yet"),
        ("median", number(median(complete)) if complete else "–", count(len(complete), "complete trial")),
        ("trials", number(len(results.trials)), status_text(results).partition(": ")[2] or "none yet"),
        ("epochs", number(cost.epochs), _saved(cost)),
        ("time", duration(cost.wall_s or cost.seconds), f"{duration(cost.seconds)} of training"),
    ]
    rows = [
        element("div", element("dt", name), element("dd", value, element("small", more))) for name, value, more in tiles
    ]
    return element("dl", rows, class_="tiles")


def _saved(cost: Cost) -> str:
    return "over all trials" if not cost.saved else f"{percent(cost.saved_share)} saved by ending trials early"
