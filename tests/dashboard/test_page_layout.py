"""Every page of ours, wide and narrow, light and dark: no label lies on another one, nothing is cut or too wide.

Pictures are left in `test-artifacts/screens/`.
"""

from __future__ import annotations

import re
from datetime import datetime

import mock_study
import pytest
from browsing import chromium, keep_picture, visitor
from mock_results import mock_results, url_of
from screens import PROBLEMS, dashboard, look

from tuner.dashboard import panel_cache
from tuner.dashboard.pages import studies_page
from tuner.dashboard.study_list import ListedStudy
from tuner.report import report_page
from tuner.storage import open_database

pytestmark = pytest.mark.slow

SEARCH = {
    **mock_study.CONTENT["search"],
    "loss": ["categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"],
    "schedule": ["constant", "step", "exponential", "cosine", "one_cycle"],
    "initializer": ["glorot_uniform", "he_normal", "lecun_normal", "orthogonal"],
    "optimizer": ["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam"],
    "optimizer_options": {"sgd": {"nesterov": [True, False]}},
}
"""As many and as long names as in `studies/digits.toml`."""


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("screens")


@pytest.fixture(scope="module")
def study(folder):
    return mock_results(folder, search=SEARCH, budget={"trials": 60, "epochs": 12})


@pytest.fixture(scope="module")
def url(study):
    with dashboard(study.database) as address:
        yield address


BAD = """<body style="margin: 0; background: white"><main>
<div style="width: 900px; height: 20px">too wide</div>
<div style="width: 40px; overflow: hidden; white-space: nowrap">a text that is cut</div>
<div style="width: 9px; overflow-wrap: anywhere">squeezed</div>
<div class="js-plotly-plot" id="plot" style="width: 200px; height: 60px"><svg width="200" height="60">
<text x="20" y="30">one label</text><text x="30" y="32">another</text><text x="190" y="50">outside</text>
<text x="20" y="30" transform="rotate(30)">oblique</text></svg></div></main></body>"""


def test_what_is_wrong_is_found(browser):
    with visitor(browser, width=390) as page:
        page.set_content(BAD)
        page.evaluate("document.getElementById('plot').layout = {font: {color: '#e7eaef'}}")
        assert page.evaluate(PROBLEMS, False) == [
            "the page is 900 px wide",
            "beyond the page: too wide",
            "cut: a text that is cut",
            "broken: squeezed",
            "plot: one label lies on another",
            "plot: cut: outside",
            "plot has another color scheme",
        ]


def test_the_report(browser, study, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(report_page(study), encoding="utf-8")
    assert look(browser, "report", file.as_uri()) == []


@pytest.mark.parametrize(
    ("name", "path"), [("studies", "/"), ("study", "/studies/1"), ("trial", "/studies/1/trials/0")]
)
def test_the_dashboard(browser, url, name, path):
    assert look(browser, name, f"{url}{path}") == []


def test_long_counts_leave_room_for_the_name_of_a_study(browser):
    counts = {"complete": 142, "pruned": 741, "diverged": 117}
    row = ListedStudy(1, "a_thousand_trials", "mean_absolute_error", 0.96, counts, False, datetime(2026, 1, 2, 3, 4))
    with visitor(browser, width=390, height=844) as page:
        page.set_content(re.sub("<script.*?</script>", "", studies_page([row] * 9, "tuner.db")))
        assert page.evaluate(PROBLEMS, False) == []
        assert page.locator("#studies .rows").evaluate("rows => rows.scrollHeight <= rows.clientHeight")


def test_optuna_dashboard_fits_a_telephone_and_offers_nothing_that_is_refused(browser, url):
    with visitor(browser, width=390, height=844) as page:
        for path in ("/dashboard", "/dashboard/studies/1", "/dashboard/studies/1/note"):
            page.goto(f"{url}{path}")
            page.get_by_text("mock").first.wait_for()
            page.wait_for_load_state("networkidle")
            keep_picture(page, f"screens/optuna{path.replace('/', '-')}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            for icon in ("EditIcon", "DeleteIcon", "AddBoxIcon", "DriveFileRenameOutlineIcon", "UploadFileIcon"):
                assert not page.get_by_test_id(icon).locator("visible=true").count()
        page.get_by_role("link", name="Answers and plots").click()
        page.wait_for_url("**/studies/1")


def test_a_page_follows_its_study_and_keeps_what_was_chosen(browser, folder, url, monkeypatch):
    monkeypatch.setattr(panel_cache, "_FRESH_S", 0.0)
    monkeypatch.setattr(panel_cache, "REDRAW_BACKOFF", 0.0)
    with visitor(browser) as page:
        page.goto(f"{url}/studies/1")
        page.locator("#plot-learning_curves").scroll_into_view_if_needed()
        color = page.locator("#curves").get_by_role("combobox", name="color").first
        color.select_option("by activation")
        legend = page.locator("#plot-learning_curves .legendtext")
        assert legend.all_text_contents()[:2] == ["relu", "tanh"]
        page.locator("#trials").get_by_role("button", name="trial", exact=True).click()
        assert page.locator("#trials tbody th").first.inner_text() == "0"
        spec = mock_study.spec_of(
            folder, search=SEARCH, sampler={"name": "random"}, budget={"trials": 63, "epochs": 12}
        )
        mock_study.run(spec, open_database(url_of(folder), create=False), diverges_above=1.0)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.get_by_text("of 63, with").wait_for()
        page.locator("#trials").get_by_text("63 trials").wait_for()
        assert color.input_value() == "by activation"
        assert legend.all_text_contents()[:2] == ["relu", "tanh"]
        assert page.locator("#trials tbody th").first.inner_text() == "0"
        assert page.locator("#trials th[aria-sort]").inner_text().startswith("trial")
