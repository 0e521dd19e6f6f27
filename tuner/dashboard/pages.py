"""Our pages of the dashboard: all studies, one study, one of its trials; and what is added to optuna-dashboard's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from plotly.offline import get_plotlyjs

import tuner
from tuner.dashboard.study_list import ListedStudy, list_table
from tuner.report import StudyView, TrialView, page_head, page_script, trial_body
from tuner.text import Html, count, element, joined

_LIVE_S = 4
_IDLE_S = 20
"""How often a page asks for news, while its study runs and otherwise."""


def asset(name: str) -> tuple[str, str] | None:
    """Return MIME type and content of a script of our pages, or None for another name."""
    made = _ASSETS.get(name)
    return None if made is None else (made[0], made[1]())


def _read_script(name: str) -> str:
    return files("tuner.dashboard").joinpath(name).read_text(encoding="utf-8")


_SCRIPT = "text/javascript; charset=utf-8"
_ASSETS: dict[str, tuple[str, Callable[[], str]]] = {
    "plotly.js": (_SCRIPT, get_plotlyjs),
    "page.js": (_SCRIPT, page_script),
    "optuna.js": (_SCRIPT, lambda: _read_script("optuna_dashboard.js")),
    "optuna.css": ("text/css; charset=utf-8", lambda: _read_script("optuna_dashboard.css")),
}


def amend_page(page: str, editable: bool) -> str:
    """Return the page of optuna-dashboard with a way back to ours, and without buttons that could do nothing.

    Args:
        page: As optuna-dashboard sends it.
        editable: Whether studies may be changed.
    """
    head = joined(
        (
            element("link", rel="stylesheet", href=_address("optuna.css")),
            element("script", src=_address("optuna.js"), defer=True),
        )
    )
    link = element("a", "Answers and plots", href="/", id="keras-studies")
    opening = "<body>" if editable else "<body data-read-only>"
    return (
        page.replace("</head>", f"{head}</head>", 1)
        .replace("<body>", opening, 1)
        .replace("</body>", f"{link}</body>", 1)
    )


def studies_page(rows: list[ListedStudy], database: str) -> str:
    """Return the page of all studies.

    Args:
        rows: The studies.
        database: Its name; visitors need not know the folders of this machine.
    """
    alive = sum(row.alive for row in rows)
    running = f", {alive} of them running" if alive else ""
    header = element(
        "header",
        element("p", "keras-studies", class_="eyebrow"),
        element("h1", "Studies"),
        element("p", f"{count(len(rows), 'study', 'studies')}{running} in {database}", class_="question"),
    )
    section = element("section", list_table(rows), id="studies", aria_label="Studies")
    return _page(
        "Studies",
        _navigation(("optuna-dashboard", "/dashboard")),
        joined((header, element("main", section))),
        alive > 0,
    )


def study_page(results: StudyView, body: Html) -> str:
    """Return the page of a study.

    Args:
        results: The study.
        body: What the report says of it.
    """
    record = results.study.record
    links = _navigation(
        ("Studies", "/"),
        ("optuna-dashboard", f"/dashboard/studies/{record.study_id}"),
        ("notes", f"/dashboard/studies/{record.study_id}/note"),
        ("trials as CSV", f"/csv/{record.study_id}"),
    )
    return _page(record.name, links, body, record.alive)


def trial_page(results: StudyView, seen: TrialView, recipe: Mapping[str, Any] | None, files: Mapping[str, str]) -> str:
    """Return the page of a trial.

    Args:
        results: Its study.
        seen: The trial.
        recipe: As stored, or None for a trial of plain Optuna.
        files: Name of each file → its address.
    """
    study = results.study.record
    near = [(f"‹ trial {seen.number - 1}", seen.number - 1), (f"trial {seen.number + 1} ›", seen.number + 1)]
    links = _navigation(
        ("Studies", "/"),
        (study.name, f"/studies/{study.study_id}"),
        *((label, f"/studies/{study.study_id}/trials/{at}") for label, at in near if 0 <= at < len(results.trials)),
        ("optuna-dashboard", f"/dashboard/studies/{study.study_id}/trials?numbers={seen.number}"),
    )
    title = f"Trial {seen.number} of {study.name}"
    return _page(title, links, trial_body(results, seen, recipe, files), not seen.trial.state.is_finished())


def waiting_page(name: str) -> str:
    """Return what is shown until the plots of a large study are drawn."""
    body = element("header", element("h1", name), element("p", "The plots are being drawn …", class_="question"))
    return _page(name, _navigation(("Studies", "/")), body, True, element("meta", http_equiv="refresh", content="1"))


def missing_page() -> str:
    """Return the page of what is not there."""
    body = element(
        "header", element("h1", "Not found"), element("p", "There is no such study or trial.", class_="question")
    )
    return _page("Not found", _navigation(("Studies", "/")), body, False)


def _page(title: str, links: Html, body: Html, alive: bool, *head: Html) -> str:
    scripts = [element("script", src=_address(name), defer=True) for name in ("plotly.js", "page.js")]
    made = element("footer", f"keras-studies {tuner.__version__}; this page follows the database.")
    return "<!DOCTYPE html>\n" + element(
        "html",
        element("head", element("meta", charset="utf-8"), page_head(f"{title} · keras-studies"), *head, scripts),
        element("body", links, body, made, data_live=_LIVE_S if alive else _IDLE_S),
        lang="en",
    )


def _navigation(*links: tuple[str, str]) -> Html:
    return element("div", [element("a", name, href=url) for name, url in links], class_="where")


@cache
def _address(name: str) -> str:
    """Return the address of an asset, with its version: browsers keep it until that changes."""
    _, content = asset(name) or ("", "")
    return f"/assets/{name}?{hashlib.sha256(content.encode()).hexdigest()[:12]}"
