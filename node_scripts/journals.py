"""What a node writes down of a change to it: leases, swaps, trials, snapshots and ended deploys.

A **snapshot** is what a node runs and is configured with at one moment; a **trial** is a deploy's change of
one node that is not confirmed yet; the **fuse** is the node's own process that takes a trial back when
nobody confirms it. Dataclasses and units as in ``contracts``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from node_scripts.contracts import Job, LoaderSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """Who is changing this node: told to the second operator."""

    who: str
    """``user@host``."""
    purpose: str
    """The command, such as ``garnet swap mini-1 llama``."""
    since: str
    pid: int | None = None
    """The agent that holds it, on the node; ``None`` where an older one does, which does not say."""
    host: str = ""
    """Where its operator connects from: an address, or the node's own name for a local one."""
    deploy: str | None = None
    """The deploy that it is held for."""


SwapStep = Literal["plan", "start", "test", "flip", "drain", "watch", "stop", "done", "undo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SwapJournal:
    """`state/swap-<model>.json`: the last step of a swap that is *done*; its next one may be half done."""

    schema: int
    model: str
    step: SwapStep
    old: LoaderSpec | None
    new: LoaderSpec
    who: str
    started: str
    updated: str
    note: str = ""
    old_job: Job | None = None
    """How to start ``old`` again, where it has to go before ``new`` comes: there is no room for both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """`state/deploys/<deploy>/snapshot.json`: the node just before that deploy changed it.

    Copies of its files lie beside it. Keys and secrets are not in it: a revert must not bring a revoked
    key back.
    """

    schema: int
    taken: str
    release: str | None
    """What ``current`` pointed at; ``None`` on a node without one."""
    jobs: list[Job]
    """The proxy's, the monitor's and every active loader's, as the supervisor had them."""
    slots: dict[str, LoaderSpec]
    """The active loader of each model that had one."""
    files: dict[str, str]
    """SHA-256 by path below the root; a file that is not listed was not there."""


TrialStatus = Literal["open", "held", "reverting", "reverted"]
"""open: reverted where nobody holds the node's lease for the grace time; held: not before a set time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """`state/trial.json`: a deploy's change of this node that is not confirmed, or how it was taken back."""

    schema: int
    deploy: str
    who: str
    purpose: str
    started: str
    updated: str
    status: TrialStatus
    reason: str = ""
    """Why it is held, or why it was taken back."""
    grace_s: float
    """How long nobody may hold the node's lease before the fuse takes an open trial back."""
    held_until_unix: float | None = None
    """When the fuse takes a held one back."""
    beside: list[str] = field(default_factory=list)
    """Models of which the node's memory allows two loaders at once."""
    release_tried: str | None = None
    """What ``current`` pointed at when the first attempt to revert began."""
    armed: bool = True
    """Whether the fuse watches it. It does not where nothing ran before: there is no supervisor to run it."""
    by_node: bool = False
    """Whether the node took it back, or tries to, by itself."""
    attempts: int = 0
    """Times that a revert was begun."""
    failure: str = ""
    """Why the last attempt failed; empty where none has."""


DeployOutcome = Literal["confirmed", "reverted"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployRecord:
    """`state/deploys/<deploy>/record.json`: how a deploy of this node ended. The last five are kept."""

    schema: int
    deploy: str
    who: str
    purpose: str
    started: str
    ended: str
    outcome: DeployOutcome
    reason: str = ""
    by_node: bool = False
    release_before: str | None
    release_after: str | None
    """The release that was tried: for a reverted deploy not the one in use after it."""
    models_before: dict[str, str] = field(default_factory=dict)
    """The source of each model's loader in the snapshot."""
    summary: dict[str, Any] = field(default_factory=dict)
    """What the operator's side makes of it: verdicts, seconds."""
