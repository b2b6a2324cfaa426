"""Letters of acts: what an endpoint is told, in which words."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from spacescore.rooms.acts import Act, Party
from spacescore.store import Letter
from spacescore.webhooks.endpoints import Endpoint

__all__ = ["body_of", "letters_for"]

READY_SECONDS = 2.0  # the recorder's thread writes out the last page of what it tells of
_LATER = frozenset({"recording.ready"})


def letters_for(endpoints: Sequence[Endpoint]) -> Callable[[Sequence[Act]], list[Letter]]:
    """Return what makes a letter of every act for every endpoint."""
    return lambda acts: list(_letters(acts, endpoints))


def _letters(acts: Sequence[Act], endpoints: Sequence[Endpoint]) -> Iterable[Letter]:
    for act in acts:
        body = body_of(act)
        due = act.at + (READY_SECONDS if act.what in _LATER else 0.0)
        for number, endpoint in enumerate(endpoints):
            yield Letter(f"{act.id}.{number}", f"msg_{act.id}", endpoint.name, body, act.at, due)


def body_of(act: Act) -> str:
    """Return the JSON text of an act: type, timestamp, data."""
    data: dict[str, Any] = {"space": act.space, "by": _party(act.by)}
    if act.whom != Party():
        data["person"] = _party(act.whom)
    told = {
        "type": act.what,
        "timestamp": datetime.fromtimestamp(act.at, UTC).isoformat(timespec="milliseconds"),
        "data": data | {"detail": dict(act.detail)},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _party(party: Party) -> dict[str, Any]:
    return {"identity": party.identity, "name": party.name, "peer": party.peer}
