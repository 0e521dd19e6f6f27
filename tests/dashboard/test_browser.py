"""The dashboard in a real browser: it works under our policy, and hostile text stays text.

Screenshots are left in `test-artifacts/dashboard/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import optuna
import pytest
from asking import TOKEN, study_with_trials
from browsing import chromium, drawn, keep_picture, visitor
from screens import dashboard

from tuner.dashboard import TOKEN_VARIABLE
from tuner.storage import Database, study_names

pytestmark = pytest.mark.slow

EVIL = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
NOTE = f"""# Notes of the study

{EVIL}

[a link](javascript:window.pwned=1) and **bold**, ![a beacon](http://evil.example/beacon.png)

| optimizer | rate |
|---|---|
| adam | 0.001 |
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium of the machine."""
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser) -> Iterator[Any]:
    """A page of a new visitor; the test fails on whatever its console calls an error."""
    with visitor(browser) as opened:
        yield opened


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Serve a database from this process; gives the address.  `test_server` starts the command."""
    with ExitStack() as dashboards:

        def serve(database: Database, token: str | None = None, **options: Any) -> str:
            if token is not None:
                monkeypatch.setenv(TOKEN_VARIABLE, token)
            return dashboards.enter_context(dashboard(database, **options)).partition("?")[0].rstrip("/") + "/"

        yield serve


def shot(page: Any, name: str) -> None:
    """Keep a picture of the page."""
    keep_picture(page, f"dashboard/{name}")


def go(page: Any, address: str) -> None:
    """Go to an address of optuna-dashboard as its own links do: loading it again takes 1 s of CPU."""
    page.evaluate("to => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')); }", address)
    page.wait_for_timeout(300)  # the last page is still there at first


def hostile_study(database: Any) -> None:
    """Study 2, with markup in every text that a study has."""
    study = study_with_trials(database.optuna, EVIL, trials=2)
    study.set_user_attr("about", EVIL)
    for optimizer in ("sgd", EVIL, EVIL):
        trial = study.ask()
        trial.suggest_categorical(EVIL, ["sgd", EVIL])
        trial.suggest_categorical("rate", [0.1, EVIL])
        trial.set_user_attr("reason", f"{EVIL} {optimizer}")
        study.tell(trial, 0.5)
    import optuna_dashboard

    optuna_dashboard.save_note(study, NOTE)
    open_trial = study.ask()
    optuna_dashboard.save_note(open_trial, NOTE)
    open_trial.report(0.1, 1)


def test_a_study_and_its_trials_are_found_from_the_first_page(mock, served, page):
    url = served(mock)
    page.goto(url)
    page.get_by_role("link", name="mock").click()
    page.wait_for_url("**/studies/1")
    page.locator("main").wait_for(state="attached")  # the first time, not before the plots are drawn
    page.locator("#trials").get_by_role("link", name="0", exact=True).click()
    page.wait_for_url("**/studies/1/trials/0")
    drawn(page, 3)
    shot(page, "trial")
    page.get_by_role("link", name="optuna-dashboard").click()
    page.get_by_alt_text("Curves of trial 0").wait_for()
    page.get_by_role("link", name="Answers and plots").click()
    page.wait_for_url("**/studies/1/trials/0")


def test_a_study_of_ours_has_a_note_and_trials_with_curves(mock, served, page):
    url = served(mock)
    page.goto(f"{url}studies/1")
    page.locator("main").wait_for(state="attached")  # the note is there, too, once the plots are drawn
    page.goto(f"{url}dashboard/studies/1/note")
    page.get_by_text("The best accuracy on validation data is").wait_for()
    assert page.get_by_role("columnheader", name="learning_rate").count() == 1
    shot(page, "our-note")
    page.goto(f"{url}dashboard/studies/1/trials?numbers=0")
    picture = page.get_by_alt_text("Curves of trial 0")
    picture.wait_for()
    page.wait_for_load_state("networkidle")
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 960
    assert page.get_by_text("complete: accuracy").count() == 1
    page.get_by_text("Health: ").first.wait_for()
    assert page.get_by_role("columnheader", name="validation loss").count() == 1
    shot(page, "our-trial")
    page.get_by_text("recipe.toml").scroll_into_view_if_needed()
    assert page.locator("img[alt='curves.svg']").evaluate("image => image.complete && image.naturalWidth") == 960
    shot(page, "our-trial-files")
    page.get_by_text("epochs.csv").locator("xpath=../..").get_by_role("button").first.click()
    page.get_by_role("columnheader", name="training loss").last.wait_for()
    shot(page, "our-trial-epochs")


def test_every_tab_of_a_study_works(database, served, page):
    url = served(database)
    page.goto(f"{url}dashboard/studies/1")
    page.get_by_text("small").first.wait_for()
    for tab in ("analytics", "trials", "trialTable", "smartSelection", "note"):
        go(page, f"{url}dashboard/studies/1/{tab}")
        page.get_by_text("small").first.wait_for()
        page.wait_for_load_state("networkidle")
        if tab == "analytics":
            drawn(page, 3)
        shot(page, f"tab-{tab}")


def test_markup_in_names_and_notes_is_text(database, served, page):
    """Nor does a note tell its author who reads it: an image of another site is not asked for."""
    hostile_study(database)
    told: list[str] = []
    page.route("http://evil.example/**", lambda route: (told.append(route.request.url), route.abort()))
    page.expected_errors += ["violates the following Content Security Policy"]
    url = served(database)
    for path in ("", "studies/2", "studies/2/trials/3", "dashboard"):
        page.goto(f"{url}{path}")
        page.get_by_text("<script>window.pwned").first.wait_for()
        shot(page, f"hostile-{path.replace('/', '-') or 'list'}")
        assert page.evaluate("window.pwned") is None
    for tab in ("", "/note", "/trials?numbers=3", "/trials?numbers=5", "/trialTable", "/analytics"):
        go(page, f"{url}dashboard/studies/2{tab}")
        page.get_by_text("<script>window.pwned").first.wait_for()
        page.wait_for_load_state("networkidle")
        shot(page, f"hostile-{tab.strip('/').replace('?numbers=', '-') or 'study'}")
        if tab in ("/note", "/trials?numbers=5"):
            assert page.get_by_role("cell", name="0.001", exact=True).count() == 1
            assert page.locator("a[href^='javascript:']").count() == 0
        assert page.evaluate("window.pwned") is None
        assert page.locator("img[src='x']").count() == 0
    assert told == []


def test_an_artifact_page_runs_no_script(database, served, page):
    from optuna.artifacts import FileSystemArtifactStore, upload_artifact

    from tuner.dashboard import artifact_folder

    study = optuna.load_study(study_name="small", storage=database.optuna)
    folder = artifact_folder(database)
    assert folder is not None
    file = folder.parent / "report.html"
    file.write_text("<h1>Report</h1><script>document.body.textContent = 'pwned ' + document.cookie</script>")
    name = upload_artifact(artifact_store=FileSystemArtifactStore(folder), study_or_trial=study, file_path=str(file))
    page.expected_errors += ["Blocked script execution", "violates the following Content Security Policy"]
    page.goto(f"{served(database)}artifacts/1/{name}")
    page.get_by_role("heading", name="Report").wait_for()
    assert page.evaluate("self.origin") == "null"


def test_the_token_opens_the_dashboard_once_and_for_all(database, served, page):
    url = served(database, token=TOKEN)
    page.expected_errors += ["401"]
    assert page.goto(url).status == 401
    page.goto(f"{url}?token={TOKEN}")
    page.get_by_text("small").first.wait_for()
    assert TOKEN not in page.url
    assert page.evaluate("document.cookie") == ""
    cookie = page.context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_a_link_with_the_token_on_another_page_opens_the_dashboard(database, served, page):
    url = served(database, token=TOKEN)
    page.route("http://chat.example/", lambda route: route.fulfill(body=f"<a href='{url}?token={TOKEN}'>look</a>"))
    page.goto("http://chat.example/")
    page.get_by_text("look").click()
    page.get_by_text("small").first.wait_for()


def test_another_page_can_do_nothing(database, served, page):
    url = served(database, allow_edit=True)
    page.route("http://evil.example/", lambda route: route.fulfill(body="<title>evil</title>"))
    page.expected_errors += [
        "CORS",
        "ERR_FAILED",
        "403",
        "ERR_BLOCKED_BY_RESPONSE",
        "frame",
        "Cross-Origin",
        "loopback",
    ]
    page.goto("http://evil.example/")
    outcome = page.evaluate(
        """async url => {
            const tried = async (path, options) => {
                try { const r = await fetch(url + path, options); return await r.text() } catch (e) { return "failed" }
            };
            return [
                await tried("api/studies"),
                await tried("api/studies/1", {method: "DELETE"}),
                await tried("api/studies", {method: "POST", mode: "no-cors", body: '{"study_name": "evil"}'}),
            ]
        }""",
        url,
    )
    assert outcome[:2] == ["failed", "failed"]
    assert "small" not in outcome[2]
    assert study_names(database) == ["small"]


def test_a_note_is_written_with_allow_edit(database, served, page):
    page.goto(f"{served(database, allow_edit=True)}dashboard/studies/1/note")
    page.get_by_test_id("EditIcon").first.click()
    page.locator("textarea").first.fill("written in the browser")
    with page.expect_response("**/note") as saved:
        page.get_by_role("button", name="Save").first.click()
    assert saved.value.status == 200
    page.get_by_text("Success to save the note").wait_for()
    shot(page, "note-saved")
    attrs = database.optuna.get_study_system_attrs(1)
    assert any("written in the browser" in str(value) for value in attrs.values())
