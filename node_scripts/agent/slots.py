"""The node's slots, spoken of with its proxy: what a restore asks and says."""

from __future__ import annotations

import http.client
import time
from dataclasses import asdict
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.control import control
from node_scripts.agent.errors import StepError
from node_scripts.agent.unix_http import request_json
from node_scripts.contracts import LoaderSpec, Slot

PROXY_PATIENCE_S = 30.0
"""How long a proxy may be away: its supervisor brings it back in a second or two."""
PROBE_PATIENCE_S = 15.0
"""How long a proxy may take to see that a loader answers."""
LOOK_EVERY_S = 0.1
LOOK_TIMEOUT_S = 5.0
OK, CONFLICT, NOT_FOUND = 200, 409, 404
COMPLETIONS = "/v1/chat/completions"
ANSWER_TIMEOUT_S = 120.0


def call(
    context: Context, method: str, path: str, body: Any = None, *, patience_s: float = PROXY_PATIENCE_S
) -> tuple[int, Any]:
    """Ask the proxy, waiting for one that is being restarted. Raises StepError (``proxy_down``)."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answer = control(context, method=method, path=path, body=body)
        except StepError as error:
            if error.code != "proxy_down" or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY_S)
        else:
            return answer["status"], answer["body"]


def proxy_status(context: Context, *, patience_s: float = PROXY_PATIENCE_S) -> dict[str, Any]:
    """Return the proxy's status. Raises StepError (``proxy_down``, ``http_<status>``)."""
    status, body = call(context, "GET", "/control/status", patience_s=patience_s)
    if status != OK:
        raise _refused("GET /control/status", status, body)
    return dict(body)


def look_at_proxy(context: Context) -> dict[str, Any] | None:
    """Return what the proxy says of itself; ``None`` where none answers within 5 s: it may hang."""
    socket = str(context.paths.control_socket)
    try:
        status, body = request_json(socket, "GET", "/control/status", None, LOOK_TIMEOUT_S)
    except (OSError, http.client.HTTPException):
        return None
    return body if status == OK and isinstance(body, dict) else None


def running_release(context: Context, *, patience_s: float = 0.0) -> str | None:
    """Return the release of the proxy that answers; ``None`` where none does in time."""
    deadline = time.monotonic() + patience_s
    while (found := look_at_proxy(context)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return None if found is None else str(found["release"])


def serving_pid(context: Context) -> int | None:
    """Return the process of the proxy that answers; ``None`` where none does."""
    found = look_at_proxy(context)
    return None if found is None else int(found["pid"])


def wait_for_release(context: Context, release: str, timeout_s: float) -> bool:
    """Wait until a proxy of ``release`` answers; say whether one does in time."""
    deadline = time.monotonic() + timeout_s
    while running_release(context) != release:
        if time.monotonic() > deadline:
            return False
        context.progress_sometimes({"message": f"waiting for the proxy of release {release}"})
        time.sleep(LOOK_EVERY_S)
    return True


def active_loader(context: Context, model: str) -> LoaderSpec | None:
    """Return the loader that takes the model's traffic on this node."""
    for slot in proxy_status(context)["slots"]:
        if slot["model"] == model and slot["active"] is not None:
            return LoaderSpec(**slot["active"]["spec"])
    return None


def models(context: Context) -> list[str]:
    """Return the models that have a slot."""
    return [str(slot["model"]) for slot in proxy_status(context)["slots"]]


def put_slot(context: Context, slot: Slot, *, force: bool = False) -> None:
    """Make ``slot`` the truth: one assignment in the proxy.

    The proxy asks its active loader first, unless by ``force``. Raises StepError (``http_<status>``).
    """
    path = f"/control/slots/{slot.model}" + ("?force=1" if force else "")
    status, body = call(context, "PUT", path, asdict(slot))
    if status != OK:
        raise _refused(f"PUT {path}", status, body)


def flip(context: Context, wanted: LoaderSpec, other: LoaderSpec | None) -> None:
    """Give ``wanted``, which answers, the traffic; ``other`` takes no new request from then on.

    A proxy that does not see for 15 s that it answers is told to believe it.
    """
    slot = Slot(model=wanted.model, active=wanted, previous=other)
    deadline = time.monotonic() + PROBE_PATIENCE_S
    while True:
        try:
            put_slot(context, slot, force=time.monotonic() > deadline)
        except StepError as error:
            if error.code != f"http_{CONFLICT}" or time.monotonic() > deadline + PROBE_PATIENCE_S:
                raise
            time.sleep(LOOK_EVERY_S)
        else:
            return


def delete_slot(context: Context, model: str) -> None:
    """Take a model out of the proxy; what is in flight runs on. Raises StepError (``http_<status>``)."""
    status, body = call(context, "DELETE", f"/control/slots/{model}")
    if status not in (OK, NOT_FOUND):
        raise _refused(f"DELETE of slot {model}", status, body)


def wait_until_drained(context: Context, loader: str, timeout_s: float) -> None:
    """Wait until ``loader`` has nothing in flight; nothing is cut off.

    Raises StepError (``drain_timeout``) after ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while left := _in_flight(proxy_status(context), loader):
        if time.monotonic() > deadline:
            raise StepError(
                "drain_timeout", f"{loader} still has {left} requests in flight after {timeout_s:.0f} s"
            )
        context.progress_sometimes({"message": f"draining {loader}: {left} in flight"})
        time.sleep(LOOK_EVERY_S)


def wait_until_served(context: Context, wanted: LoaderSpec, timeout_s: float) -> None:
    """Wait until ``wanted`` is its slot's active loader, ready, and a completion through the proxy succeeds.

    Raises StepError (``not_served``).
    """
    deadline = time.monotonic() + timeout_s
    while why := _why_not_served(context, wanted):
        if time.monotonic() > deadline:
            raise StepError(
                "not_served",
                f"{wanted.model} is not served by {wanted.name}: {why}",
                remedy="look at `garnet logs`",
            )
        context.progress_sometimes({"message": f"waiting for {wanted.model}: {why}"})
        time.sleep(LOOK_EVERY_S)


def _why_not_served(context: Context, wanted: LoaderSpec) -> str:
    for slot in proxy_status(context)["slots"]:
        active = slot["active"]
        if slot["model"] != wanted.model or active is None:
            continue
        if active["spec"]["name"] != wanted.name:
            return f"{active['spec']['name']} takes its traffic"
        if active["state"] != "ready":
            return f"it is {active['state']}"
        status, body = _complete(context, wanted.model)
        return "" if status == OK else f"it answered {status}: {str(body)[:200]}"
    return "no loader takes its traffic"


def _complete(context: Context, model: str) -> tuple[int, Any]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "temperature": 0,
    }
    socket = str(context.paths.control_socket)
    try:
        return request_json(socket, "POST", COMPLETIONS, body, ANSWER_TIMEOUT_S)
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__


def _in_flight(status: dict[str, Any], loader: str) -> int:
    found = [slot[place] for slot in status["slots"] for place in ("active", "next", "previous")]
    found += status.get("draining", [])
    return sum(each["in_flight"] for each in found if each is not None and each["spec"]["name"] == loader)


def _refused(what: str, status: int, body: Any) -> StepError:
    message = body["error"].get("message") if isinstance(body, dict) and "error" in body else body
    return StepError(f"http_{status}", f"the proxy refused {what}: {message}")
