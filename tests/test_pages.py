"""The pages as served: types, validators, and a policy that lets nothing foreign in."""

import re

import pytest

from spacescore.pages import PAGES, assets, modules
from web_client import Web, problem


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo")
    return Web(engine)


@pytest.mark.parametrize(
    ("file", "kind"),
    [("join.js", "text/javascript"), ("space.css", "text/css"), ("favicon.svg", "image/svg+xml")],
)
def test_modules_have_their_type_and_are_open_to_all_origins(web, file, kind):
    response = web.get(f"/web/{file}")
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == kind
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in response.headers["cache-control"]


def test_every_file_of_the_package_is_served(web):
    assert "space.html" in assets()
    for name, asset in assets().items():
        response = web.get(f"/web/{name}")
        assert (response.content, response.headers["etag"]) == (asset.body, asset.etag)


@pytest.mark.parametrize("path", ["/", "/s/demo"])
def test_a_page_lets_nothing_foreign_in(web, path):
    response = web.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    microphone = "(self)" if path == "/s/demo" else "()"
    assert f"microphone={microphone}" in response.headers["permissions-policy"]
    assert "access-control-allow-origin" not in response.headers


def test_a_page_of_an_unknown_space_is_a_page_and_a_404(web):
    response = web.get("/s/nowhere")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_what_is_known_is_not_sent_again(web):
    for path in ("/s/demo", "/web/join.js"):
        tag = web.get(path).headers["etag"]
        for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
            response = web.get(path, headers={"If-None-Match": known})
            assert response.status_code == 304
            assert response.content == b""
            assert response.headers["etag"] == tag
        assert web.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("file", ["nothing.js", "__init__.py", "%2e%2e%2fhttp.py", ".", "..%00"])
def test_nothing_else_is_served(web, file):
    assert problem(web.get(f"/web/{file}"))[0] == 404


def test_what_a_browser_can_unpack_is_sent_packed(web):
    packed = web.get("/s/demo", headers={"Accept-Encoding": "gzip"})
    plain = web.get("/s/demo", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["etag"] == plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"


BOOKS = {
    "index": ["index", "plan"],
    "space": [],
    "replay": ["replay"],
    "operations": ["operations"],
}
FIRST_LOAD_BYTES = 60_000  # packed: everything of a page before anybody presses anything


@pytest.mark.parametrize("name", PAGES)
def test_a_first_load_is_light(name):
    parts = [f"{name}.html", f"{name}.css", "theme.css", "favicon.svg"]
    sources = {each: asset.body for each, asset in assets().items()}
    parts += [*modules(f"{name}.js", sources), max("en.js", "de.js", key=weight)]
    parts += [f"{book}.de.js" for book in BOOKS[name]]
    assert len(parts) > 10
    assert sum(map(weight, parts)) <= FIRST_LOAD_BYTES


def weight(part):
    return len(assets()[part].packed)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_all_its_modules_at_once_and_nothing_foreign(name):
    page = assets()[f"{name}.html"].body.decode()
    sources = {each: asset.body for each, asset in assets().items()}
    named = re.findall(r'rel="modulepreload" href="(?:\.\./)?web/([^"]+)"', page)
    assert named == list(modules(f"{name}.js", sources))
    assert "language.js" in named
    assert "//" not in "".join(re.findall(r'(?:href|src)="([^"]*)"', page))
    for part in [*named, f"{name}.css", "theme.css"]:
        assert not re.search(rb"^[^/]*(?:from|url\(|import\() *[\"'](?!\./)", sources[part], re.M)
