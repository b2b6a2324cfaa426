"""The description of the API, and the API held to it by requests nobody would think of."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from spacescore import Engine, KeyRing, asgi
from spacescore.openapi import _BODIES, _FIELDS, _NEEDED
from web_client import OPERATOR_KEY, Web

# What may be said to a request that the description does not allow.
REFUSED = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429]
CONFIG = schemathesis.Config.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
)
Check = Callable[..., Any]
CHECKS: list[Check] = [
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


def members(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every optional member of an object, and of those in it."""
    for name, member in schema.get("properties", {}).items():
        if name not in schema.get("required", ()):
            yield name, member
        yield from members(member.get("items", {}))


def test_whatever_may_be_left_out_may_be_null(engine):
    web = Web(engine)
    document = web.get("/openapi.json").json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    bodies = [one["requestBody"] for one in operations if "requestBody" in one]
    schemas = [body["content"]["application/json"]["schema"] for body in bodies]
    optional = [found for schema in schemas for found in members(schema)]
    assert {"title", "seconds"} <= {name for name, _ in optional}
    assert [name for name, member in optional if "null" not in member["type"]] == []
    engine.create_space("demo", record=False)
    pins = {"pins": [{"title": None, "url": "https://example.org/"}]}
    pinned = web.request("PUT", "/api/spaces/demo/pins", token=OPERATOR_KEY, json=pins)
    assert pinned.json()["pins"][0]["title"] == "example.org"


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The API of a node with one open space, and the keys to it."""
    with Engine(host="127.0.0.1", port=0, data=tmp_path_factory.mktemp("api")) as engine:
        engine.create_space("demo", open_stage=True, record=False)
        app = asgi(engine, keys=KeyRing([OPERATOR_KEY]))
        app.state.desk.joins.burst = app.state.desk.joins.rate = 1e9
        yield schemathesis.openapi.from_asgi("/openapi.json", app, config=CONFIG)


def ask_all(described, mode: GenerationMode, checks: Sequence[Check], examples: int) -> int:
    """Ask as the operator, mostly about a space that is there, and look at the answers.

    Returns of how many operations something was asked.
    """

    def ask(case: schemathesis.Case) -> None:
        ends = (case.method, case.path) == ("DELETE", "/api/spaces/{space}")
        if "space" in case.path_parameters and not ends:
            case.path_parameters["space"] = "demo"
        response = case.call(headers={"Authorization": f"Bearer {OPERATOR_KEY}"})
        case.validate_response(response, checks=checks)

    some = settings(
        max_examples=examples,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = 0
    for found in described.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.POSITIVE or operation.body or operation.query:
            some(given(operation.as_strategy(mode))(ask))()
            asked += 1
    return asked


@pytest.mark.slow
def test_no_request_breaks_the_description(described):
    assert ask_all(described, GenerationMode.POSITIVE, CHECKS, 12) > 30


@pytest.mark.slow
def test_what_the_description_does_not_allow_is_refused(described):
    checks = [*CHECKS, negative_data_rejection]
    assert ask_all(described, GenerationMode.NEGATIVE, checks, 40) > 15
