"""The description of the API, and the API held to it by requests nobody would think of."""

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from spacescore import Engine, KeyRing, asgi
from spacescore.openapi import _BODIES, _FIELDS, _NEEDED
from web_client import OPERATOR_KEY, Web

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def test_the_document_has_every_route_and_only_known_members(engine):
    web = Web(engine)
    document = web.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    routes = [route for route in web.app.routes if route.path.startswith("/api/")]
    paths = {re.sub(r":\w+}", "}", route.path) for route in routes}
    assert set(document["paths"]) == paths
    names = {handler.__name__ for route in routes for handler in route.endpoint.handlers.values()}
    assert set(_BODIES) <= names
    assert set(_NEEDED) <= set(_BODIES)
    assert {member for body in _BODIES.values() for member in body} <= set(_FIELDS)
    operations = [one for path in document["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations if isinstance(one, dict)]
    assert len(ids) == len(set(ids))


def test_every_operation_says_in_one_sentence_what_it_does(engine):
    document = Web(engine).get("/openapi.json").json()
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                assert re.fullmatch(r"[A-Z].*\.", operation["summary"])


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The API of a node with one open space, and the keys to it."""
    with Engine(host="127.0.0.1", port=0, data=tmp_path_factory.mktemp("api")) as engine:
        engine.create_space("demo", open_stage=True, record=False)
        app = asgi(engine, keys=KeyRing([OPERATOR_KEY]))
        app.state.desk.joins.burst = app.state.desk.joins.rate = 1e9
        yield schemathesis.openapi.from_asgi("/openapi.json", app)


def ask(case: schemathesis.Case) -> None:
    """Ask as the operator, mostly about a space that is there, and look at the answer."""
    ends = (case.method, case.path) == ("DELETE", "/api/spaces/{space}")
    if "space" in case.path_parameters and not ends:
        case.path_parameters["space"] = "demo"
    response = case.call(headers={"Authorization": f"Bearer {OPERATOR_KEY}"})
    case.validate_response(response, checks=CHECKS)


@pytest.mark.slow
def test_no_request_breaks_the_description(described):
    once = settings(
        max_examples=12,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = 0
    for operation in described.get_all_operations():
        once(given(operation.ok().as_strategy())(ask))()
        asked += 1
    assert asked > 30
