"""One try to have a call answered by one place: a loader of this node, or a peer.

A stream is held back from the client until its first chunk, or until the first keep-alive that
comes more than five seconds after the request was sent. Until then nothing was promised to the
client, so that the request can still be tried elsewhere, also during the prefill of any prompt of
ordinary length; beyond it, the client's own timeouts matter more.
"""

from __future__ import annotations

import asyncio

from node_scripts.contracts import NODE_HEADER
from node_scripts.proxy.assembly import PlainAnswer
from node_scripts.proxy.call import Call
from node_scripts.proxy.events import BrokenStreamError, EventSplitter, data_of, is_done, usage_in
from node_scripts.proxy.identity import SUSPECT_HEADER
from node_scripts.proxy.loaders import Loader
from node_scripts.proxy.openai_errors import RequestRejectedError, code_of, rejected_by_loader
from node_scripts.proxy.peers import Peer
from node_scripts.proxy.refusals import LOADER_DIED_HEADER
from node_scripts.proxy.replies import Reply
from node_scripts.proxy.usage import usage_of_answer
from node_scripts.proxy.wire import (
    Connection,
    CutError,
    HungError,
    RefusedError,
    StalledError,
    WireError,
    connect_unix,
)

HOLD_BACK_S = 5.0
CONNECT_TIMEOUT_S = 5.0

OK = 200
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY = 429
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_ERROR_EVENT = b'data: {"error"'
_NODE_HEADER = NODE_HEADER.encode()


class AttemptError(Exception):
    """The place failed; nothing is said about whether another would."""

    def __init__(
        self,
        reason: str,
        *,
        sent: bool = True,
        died: bool = False,
        full: bool = False,
        stalled: bool = False,
    ) -> None:
        """Keep what is known.

        ``sent``: the place may have worked on it. ``died``: the answer broke off, as when a loader
        dies. ``full``: the peer had no room. ``stalled``: it was this answer's trouble alone.
        """
        super().__init__(reason)
        self.sent = sent
        self.died = died
        self.full = full
        self.stalled = stalled


class Attempt:
    """One exchange with one place."""

    __slots__ = ("_began", "_call", "_loop", "_place", "_reply", "first_token_at")

    def __init__(self, call: Call, place: Loader | Peer, reply: Reply) -> None:
        """Prepare to have ``call`` answered by ``place``, where it holds a place already."""
        self._call = call
        self._place = place
        self._reply = reply
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.first_token_at: float | None = None
        call.note.begin_attempt(f"peer:{place.name}" if isinstance(place, Peer) else place.name)

    async def run(self) -> None:
        """Send the request and pass the answer on, to its end.

        Raises AttemptError if the place failed, and RequestRejectedError if it refused the request.
        """
        connection: Connection | None = None
        try:
            connection = await self._send()
            status = await connection.head()
            if status != OK:
                await self._refused(connection, status)
            self._reply.node = connection.headers.get(_NODE_HEADER, self._reply.node)
            if not self._call.parsed.loader_stream:
                await self._pass_whole(connection)
            elif self._call.parsed.stream:
                await self._pass_stream(connection)
            else:
                await self._assemble(connection)
        except RefusedError as error:
            raise AttemptError(str(error), sent=False) from error
        except StalledError as error:
            raise AttemptError(str(error), stalled=True) from error
        except HungError as error:
            raise AttemptError(str(error), died=True) from error
        except (CutError, BrokenStreamError) as error:
            raise AttemptError(str(error), died=isinstance(self._place, Loader)) from error
        except WireError as error:
            raise AttemptError(str(error)) from error
        finally:
            if connection is not None:
                self._finish(connection)

    async def _send(self) -> Connection:
        call = self._call
        body = call.parsed.loader_body
        place = self._place
        if isinstance(place, Loader):
            connection = await connect_unix(place.spec.http_socket, CONNECT_TIMEOUT_S)
            place.calls[call] = connection
            connection.begin(
                b"POST %b HTTP/1.0\r\nhost: loader\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%b" % (call.path.encode(), len(body), body)
            )
            return connection
        headers = {"x-request-id": call.request_id}
        if call.suspect:
            headers[SUSPECT_HEADER] = "1"
        return await place.send("POST", call.path, body, headers, call)

    def _finish(self, connection: Connection) -> None:
        if isinstance(self._place, Peer):
            self._place.keep(connection)
        else:
            connection.close()

    async def _refused(self, connection: Connection, status: int) -> None:
        body = await connection.whole()
        if isinstance(self._place, Loader):
            rejected = rejected_by_loader(status, body)
            if rejected is not None:
                raise rejected
            died = b"generation thread died" in body
            raise AttemptError(f"answered {status}" + (": generation thread died" if died else ""), died=died)
        if status == _TOO_MANY:
            raise AttemptError("full", sent=False, full=True)
        if status == _UNAVAILABLE and code_of(body) == "model_unavailable":
            raise AttemptError("unavailable", sent=False)
        if status == _UNAVAILABLE and code_of(body) == "overloaded":
            raise AttemptError("overloaded", sent=False, full=True)
        if LOADER_DIED_HEADER in connection.headers:
            raise AttemptError("its loader died", died=True)
        if status >= _SERVER_ERROR or status in (_UNAUTHORIZED, _NOT_FOUND):
            raise AttemptError(f"answered {status}", sent=status >= _SERVER_ERROR)
        raise PassedRefusalError(status, body)

    async def _pass_whole(self, connection: Connection) -> None:
        body = await connection.whole()
        if not connection.delimited:
            raise CutError("an answer without a length")
        await self._reply.whole(OK, body)
        self._call.note.usage = usage_of_answer(body)

    async def _assemble(self, connection: Connection) -> None:
        answer = PlainAnswer(self._call.parsed.kind)
        splitter = EventSplitter()
        while True:
            data = await connection.chunk()
            if not data:
                raise CutError("the stream ended without [DONE]")
            for event in split(splitter, data):
                if event[:1] == b":":
                    continue
                if is_done(event):
                    await self._reply.whole(OK, answer.finish())
                    self._call.note.usage = answer.usage
                    return
                payload = data_of(event)
                if payload is not None:
                    if self.first_token_at is None:
                        self._note_first_token()
                    self._check_error(payload)
                    answer.add(payload)

    async def _pass_stream(self, connection: Connection) -> None:
        reply = self._reply
        splitter = EventSplitter()
        while data := await connection.chunk():
            passed: list[bytes] = []
            end = self._sift(split(splitter, data), passed)
            if end is not None and is_done(end):
                passed.append(end)
                await reply.end_stream(b"".join(passed))
                return
            if passed:
                await reply.stream(passed[0] if len(passed) == 1 else b"".join(passed))
            if end is not None:
                self._check_error(end[6:])
        raise CutError("the stream ended without [DONE]")

    def _sift(self, events: list[bytes], passed: list[bytes]) -> bytes | None:
        """Add what the client gets to ``passed``; return ``[DONE]`` or an error if it was among them."""
        for event in events:
            if event[:1] == b":":
                if self._reply.started or self._loop.time() - self._began >= HOLD_BACK_S:
                    passed.append(event)
            elif is_done(event) or event.startswith(_ERROR_EVENT):
                return event
            elif (usage := usage_in(event)) is not None:
                self._call.note.usage = usage
                if self._call.parsed.include_usage:
                    passed.append(event)
            else:
                if self.first_token_at is None:
                    self._note_first_token()
                passed.append(event)
        return None

    def _check_error(self, payload: bytes) -> None:
        if payload.startswith(b'{"error"'):
            died = b'"loader_died"' in payload
            raise AttemptError("the stream ended with an error", died=died)

    def _note_first_token(self) -> None:
        self.first_token_at = self._loop.time()
        self._call.note.first_token()
        if isinstance(self._place, Loader):
            self._place.leave_lane(self._call)


def split(splitter: EventSplitter, data: bytes) -> list[bytes]:
    """Return the events that ``data`` finished; the usual case, whole events, is cut at once."""
    if data.endswith(b"\n\n") and not splitter.pending and b"\r" not in data:
        return [event + b"\n\n" for event in data[:-2].split(b"\n\n")]
    return splitter.feed(data)


class PassedRefusalError(RequestRejectedError):
    """A peer's refusal, passed on to the client as it came."""

    def __init__(self, status: int, raw: bytes) -> None:
        """Keep the answer."""
        super().__init__("refused by the serving node", status=status, code=code_of(raw))
        self._raw = raw

    def body(self) -> bytes:
        """Return the peer's body."""
        return self._raw
