"""Who may ask the dashboard for what."""

from __future__ import annotations

import json

import pytest
from asking import LAN, OURS, TOKEN, ask

LOCAL_HOSTS = ("127.0.0.1:8080", "localhost:8080", "LOCALHOST:9000", "localhost", "[::1]:8080", "127.0.0.2")
FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example:8080",
    "127.0.0.1.evil.example",
    "192.168.1.5:8080",
    "localhost:8080, evil.example",
    "user@localhost:8080",
    "localhost:8080/",
    "",
)
FOREIGN_ORIGINS = (
    "http://evil.example",
    "http://evil.example:8080",
    "http://127.0.0.1:3000",
    "http://localhost:8080",
    "https://127.0.0.1:8080",
    "http://127.0.0.1:8080.evil.example",
    "null",
    "",
)


@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_our_own_names_are_answered(guarded, host):
    assert ask(guarded(), "GET", "/api/studies", host=host).status == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused(guarded, host):
    answer = ask(guarded(allow_edit=True), "GET", "/api/studies", host=host)
    assert answer.status == 403
    assert b"small" not in answer.body


def test_a_request_without_host_is_refused(guarded):
    app = guarded()

    def without_host(environ, start_response):
        del environ["HTTP_HOST"]
        return app(environ, start_response)

    assert ask(without_host, "GET", "/api/studies").status == 403


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE"])
def test_a_foreign_origin_is_refused(guarded, origin, method):
    assert ask(guarded(allow_edit=True), method, "/api/studies/1", origin=origin).status == 403


def test_our_own_origin_may_read(guarded):
    assert ask(guarded(), "GET", "/api/studies", origin=OURS).status == 200


def test_behind_an_ssh_tunnel_the_port_is_another(guarded):
    answer = ask(guarded(), "GET", "/api/studies", host="localhost:9000", origin="http://localhost:9000")
    assert answer.status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_scripts_and_images_of_other_pages_are_refused(guarded, site):
    answer = ask(guarded(), "GET", "/api/studies", sec_fetch_site=site, sec_fetch_mode="no-cors")
    assert answer.status == 403


@pytest.mark.parametrize(("site", "mode"), [("cross-site", "navigate"), ("none", "navigate"), ("same-origin", "cors")])
def test_links_to_the_dashboard_are_followed(guarded, site, mode):
    assert ask(guarded(), "GET", "/dashboard", sec_fetch_site=site, sec_fetch_mode=mode).status == 200


def test_a_form_of_another_page_cannot_post(guarded):
    answer = ask(
        guarded(allow_edit=True), "POST", "/api/studies", sec_fetch_site="cross-site", sec_fetch_mode="navigate"
    )
    assert answer.status == 403


def test_forwarding_headers_are_not_believed(guarded):
    answer = ask(guarded(), "GET", "/", x_forwarded_host="evil.example", x_forwarded_proto="https")
    assert answer.headers["Location"] == f"{OURS}/dashboard"


def test_a_refusal_says_what_to_do_where_the_page_shows_it(guarded):
    answer = ask(guarded(), "DELETE", "/api/studies/1", origin=OURS)
    assert answer.status == 403
    assert "--allow-edit" in json.loads(answer.body)["reason"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_no_token_no_answer(guarded):
    app = guarded(LAN, TOKEN)
    answer = ask(app, "GET", "/api/studies")
    assert answer.status == 401
    assert b"small" not in answer.body
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/", "/dashboard", "/static/bundle.js", "/favicon.ico", "/csv/1", "/api/meta"])
def test_nothing_at_all_is_served_without_token(guarded, path):
    assert ask(guarded(LAN, TOKEN), "GET", path).status == 401


def test_a_foreign_host_is_refused_also_with_the_token(guarded):
    answer = ask(guarded(LAN, TOKEN), "GET", "/", host="evil.example", authorization=f"Bearer {TOKEN}")
    assert answer.status == 403


def test_the_token_in_the_address_becomes_a_cookie(guarded):
    app = guarded(LAN, TOKEN)
    answer = ask(app, "GET", f"/dashboard/studies/1?token={TOKEN}")
    assert answer.status == 200
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert b'content="0;url=/dashboard/studies/1"' in answer.body
    assert TOKEN.encode() not in answer.body
    assert ask(app, "GET", "/api/studies", cookie=f"other=1; {cookie}").status == 200


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", '/"><script>'])
def test_the_page_behind_the_token_leads_nowhere_else(guarded, path):
    body = ask(guarded(LAN, TOKEN), "GET", f"{path}?token={TOKEN}").body
    assert b"url=/" in body
    assert b"url=//" not in body
    assert b"\\" not in body
    assert b"<script" not in body


def test_a_program_sends_the_token_as_a_header(guarded):
    assert ask(guarded(LAN, TOKEN), "GET", "/api/studies", authorization=f"Bearer {TOKEN}").status == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("token=", {}),
        (f"token={TOKEN[:-1]}", {}),
        (f"token={TOKEN}x", {}),
        (f"nekot={TOKEN}", {}),
        ("", {"authorization": TOKEN}),
        ("", {"authorization": f"Basic {TOKEN}"}),
        ("", {"authorization": f"Bearer {TOKEN.upper()}"}),
        ("", {"authorization": "Bearer \xff\xfe"}),
        ("", {"cookie": f"tuner_dashboard_8080={TOKEN[:-1]}"}),
        ("", {"cookie": f"tuner_dashboard_9090={TOKEN}"}),
        ("", {"cookie": "; =; tuner_dashboard_8080"}),
    ],
)
def test_another_token_is_refused(guarded, query, headers):
    assert ask(guarded(LAN, TOKEN), "GET", f"/api/studies?{query}", **headers).status == 401


def test_a_token_in_the_address_allows_no_edit(guarded):
    app = guarded(LAN, TOKEN, allow_edit=True)
    assert ask(app, "DELETE", f"/api/studies/1?token={TOKEN}", origin=OURS).status == 401


def test_malformed_cookies_of_other_programs_do_no_harm(guarded):
    cookie = f'bad[]="unclosed; tuner_dashboard_8080={TOKEN}; {{json}}'
    assert ask(guarded(LAN, TOKEN), "GET", "/api/studies", cookie=cookie).status == 200
