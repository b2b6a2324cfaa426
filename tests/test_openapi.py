"""The description of the API, and the API held to it by requests nobody would think of."""

import json
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
from spacescore.limits import Limit
from spacescore.openapi import _BODIES, _FIELDS, _NEEDED
from spacescore.policy import Grant, Role
from web_client import OPERATOR_KEY, Web, problem

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


def is_number(schema: dict[str, Any]) -> bool:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return bool({"integer", "number"} & set(kinds))


def numbers(document: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Every number that may be sent, in a body or a query: method, path, its name, and what is
    said beside it.
    """
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            if method == "parameters":
                continue
            for each in one.get("parameters", ()):
                if is_number(each["schema"]):
                    yield method, path, each["name"], {}
            if "requestBody" in one:
                schema = one["requestBody"]["content"]["application/json"]["schema"]
                told = {name: BESIDE[name] for name in schema["properties"] if name in BESIDE}
                for name, member in schema["properties"].items():
                    if is_number(member):
                        yield method, path, name, told


BESIDE = {"mode": "paced", "text": "x", "space": "far"}
EXTREMES = [
    *("1" + "0" * 400, "-1" + "0" * 400, "00001" + "0" * 5000),  # the last one in a query
    *("18446744073709551616", "-9223372036854775809", "9007199254740993", "-1"),
    *("1e308", "-1e308", "1e999", "NaN", "Infinity", "4e-324"),
]


@pytest.mark.parametrize("text", EXTREMES, ids=lambda text: text[:12])
def test_no_number_is_too_large_whoever_sends_it_and_wherever(engine, text):
    web = Web(engine)
    web.desk.acts = web.desk.captions = Limit(1e9, 1e9)
    engine.create_space("demo", record=False)
    host = web.token("host")
    asked = 0
    for method, path, name, told in numbers(web.get("/openapi.json").json()):
        body = json.dumps(told | {name: "@"}).replace('"@"', text)
        in_query = {} if told or method != "get" else {"params": {name: text}}
        sent = in_query or {"content": body, "headers": {"Content-Type": "application/json"}}
        for token in ("", host, OPERATOR_KEY):
            answer = web.request(method, path.replace("{space}", "demo"), token=token, **sent)
            assert answer.status_code < 500, (method, path, name)
            asked += 1
        if text == EXTREMES[0]:
            assert problem(answer) == (400, "invalid-request")
            assert name in answer.json()["detail"]
    assert asked > 40


def test_what_a_number_may_be_is_said_of_each(engine):
    document = Web(engine).get("/openapi.json").json()
    bodies = [
        one["requestBody"]["content"]["application/json"]["schema"]["properties"]
        for path in document["paths"].values()
        for one in path.values()
        if "requestBody" in one
    ]
    members = [each for body in bodies for each in body.items() if is_number(each[1])]
    assert [name for name, schema in members if "maximum" not in schema] == []
    assert {"starts", "seconds", "start", "end"} <= {name for name, _ in members}


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The API of a node with one open space, and who asks: by what they say of themselves."""
    with Engine(host="127.0.0.1", port=0, data=tmp_path_factory.mktemp("api")) as engine:
        engine.create_space("demo", open_stage=True, record=False)
        keys = KeyRing([OPERATOR_KEY])
        app = asgi(engine, keys=keys)
        desk = app.state.desk
        desk.joins.burst = desk.joins.rate = 1e9
        desk.acts = desk.captions = desk.strangers = Limit(1e9, 1e9)
        now = desk.clock()
        host = Grant("demo", Role.HOST, 7, "Ada", int(now) + 3600, issued=now)
        bearers = {"host": keys.issue(host, now=now), "operator": OPERATOR_KEY}
        headers = {who: {"Authorization": f"Bearer {each}"} for who, each in bearers.items()}
        schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=CONFIG)
        yield schema, {"stranger": {}} | headers


def ask_all(described, who: str, mode: GenerationMode, checks: Sequence[Check], most: int) -> int:
    """Ask, mostly about a space that is there, `most` times each, and look at the answers.

    Returns of how many operations something was asked.
    """

    schema, headers = described

    def ask(case: schemathesis.Case) -> None:
        ends = (case.method, case.path) == ("DELETE", "/api/spaces/{space}")
        if "space" in case.path_parameters and not ends:
            case.path_parameters["space"] = "demo"
        response = case.call(headers=headers[who])
        case.validate_response(response, checks=checks)

    some = settings(
        max_examples=most,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.POSITIVE or operation.body or operation.query:
            some(given(operation.as_strategy(mode))(ask))()
            asked += 1
    return asked


WHO = ("stranger", "host", "operator")


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
def test_no_request_breaks_the_description(described, who):
    assert ask_all(described, who, GenerationMode.POSITIVE, CHECKS, 12) > 30


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
def test_what_the_description_does_not_allow_is_refused(described, who):
    checks = [*CHECKS, negative_data_rejection]
    assert ask_all(described, who, GenerationMode.NEGATIVE, checks, 40) > 15
