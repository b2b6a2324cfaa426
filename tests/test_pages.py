"""The pages as served: types, validators, and a policy that lets nothing foreign in."""

import pytest

from spacescore.pages import assets
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
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "microphone=(self)" in response.headers["permissions-policy"]
    assert "access-control-allow-origin" not in response.headers


def test_a_page_of_an_unknown_space_is_a_page_and_a_404(web):
    response = web.get("/s/nowhere")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_what_is_known_is_not_sent_again(web):
    for path in ("/s/demo", "/web/join.js"):
        tag = web.get(path).headers["etag"]
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            response = web.get(path, headers={"If-None-Match": known})
            assert response.status_code == 304
            assert response.content == b""
            assert response.headers["etag"] == tag
        assert web.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("file", ["nothing.js", "__init__.py", "%2e%2e%2fhttp.py", ".", "..%00"])
def test_nothing_else_is_served(web, file):
    assert problem(web.get(f"/web/{file}"))[0] == 404
