"""The report in a real browser, from a file and without a network: wide, narrow, dark and on paper.

Screenshots are left in `test-artifacts/report/`.
"""

from __future__ import annotations

import optuna
import pytest
from browsing import chromium, drawn, keep_picture, visitor
from screens import scroll_through
from test_report import EVIL

from tuner.report import PLOTS, report_page
from tuner.results import read_study_results
from tuner.storage import open_database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def file(study, tmp_path_factory):
    """The report of the mock study."""
    path = tmp_path_factory.mktemp("report") / "mock.html"
    path.write_text(report_page(study), encoding="utf-8")
    return path


def opened(page, file):
    """Open the file; gives every address that the page asked for."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.get_by_role("heading", level=1).wait_for()
    return asked


def test_in_a_wide_window(browser, file):
    with visitor(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        asked = opened(page, file)
        assert scroll_through(page) == len(PLOTS)
        keep_picture(page, "report/wide", full_page=True)
        assert asked == [file.as_uri()]
        choosing_a_dimension_colors_the_curves(page)
        a_button_copies_the_code(page)
        no_other_script_runs(page)


def choosing_a_dimension_colors_the_curves(page):
    plot = page.locator("#plot-learning_curves")
    plot.scroll_into_view_if_needed()
    assert plot.locator(".legendtext").all_text_contents() != ["relu", "tanh"]
    page.locator("#curves").get_by_role("combobox", name="color").first.select_option("by activation")
    page.wait_for_timeout(500)
    keep_picture(page, "report/curves-by-activation")
    assert plot.locator(".legendtext").all_text_contents()[:2] == ["relu", "tanh"]


def a_button_copies_the_code(page):
    page.get_by_role("button", name="Copy: In Python").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("import tuner\n")


def no_other_script_runs(page):
    page.expected_errors += ["Content Security Policy"]
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))"
    )
    assert page.evaluate("window.pwned") is None


def test_in_a_narrow_dark_window_and_on_paper(browser, file):
    with visitor(browser, width=390, color_scheme="dark") as page:
        opened(page, file)
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        drawn(page, len(PLOTS))
        assert page.locator("details:not([open])").count() == 0
        assert page.evaluate("document.querySelector('#plot-history').layout.font.color") == "#1b1f26"
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() > 0
        assert page.evaluate("document.querySelector('#plot-history').layout.font.color") == "#e7eaef"
        page.wait_for_timeout(500)
        keep_picture(page, "report/narrow-dark", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_number_beside_the_pointer_is_written_as_elsewhere(browser, tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/prices.db", create=True)
    study = optuna.create_study(storage=database.optuna, study_name="prices")
    for value in (156143.73, 234567.8, 500000.0):
        trial = study.ask()
        trial.suggest_int("width", 1, 9)
        study.tell(trial, value)
    file = tmp_path / "prices.html"
    file.write_text(report_page(read_study_results(database, "prices")), encoding="utf-8")
    with visitor(browser) as page:
        opened(page, file)
        plot = page.locator("#plot-history")
        plot.scroll_into_view_if_needed()
        plot.locator(".legend").wait_for()
        page.evaluate(
            "() => { const plot = document.getElementById('plot-history');"
            " const curve = plot.data.findIndex(one => one.name == 'complete');"
            " Plotly.Fx.hover(plot, [{curveNumber: curve, pointNumber: 0}]) }"
        )
        assert plot.locator(".hovertext").first.text_content().endswith("objective 156144")


def test_hostile_text_is_shown_as_text(browser, tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/evil.db", create=True)
    study = optuna.create_study(storage=database.optuna, study_name=EVIL)
    study.set_user_attr("tuner:about", {"facts": {"notes": [EVIL]}, "source": {}})
    for number in range(25):
        trial = study.ask()
        trial.suggest_categorical(EVIL, [EVIL, "<b>bold</b>"])
        trial.suggest_float("<i>x</i>", 0, 1)
        for step in range(3):
            trial.report(number / (step + 1), step)
        study.tell(trial, float(number))
    file = tmp_path / "evil.html"
    file.write_text(report_page(read_study_results(database, EVIL)), encoding="utf-8")
    with visitor(browser) as page:
        opened(page, file)
        scroll_through(page)
        keep_picture(page, "report/hostile", full_page=True)
        assert page.get_by_role("heading", level=1).inner_text() == EVIL
        assert page.evaluate("window.pwned") is None
        assert page.locator("img").count() == 0
        labels = page.locator(".js-plotly-plot text").all_text_contents()
        assert any("<b>bold</b>" in label for label in labels)
        assert any("<i>x</i>" in label for label in labels)
