"""Where everything lies on a node's disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node_scripts.socket_path import MAX_SOCKET_PATH_BYTES as MAX_SOCKET_PATH_BYTES  # noqa: PLC0414 -- also here

LONGEST_SOCKET_NAME = "run/loader-999999.stats"
"""The longest name below a root that is bound as a socket."""


@dataclass(frozen=True, slots=True)
class NodePaths:
    """The folders and files below one node's root."""

    root: Path
    environments: Path

    @classmethod
    def at(cls, root: Path, environments: Path | None = None) -> NodePaths:
        """Build the paths of ``root``; ``environments`` may be shared by nodes on one host."""
        return cls(root=root, environments=environments or root / "envs")

    @property
    def releases(self) -> Path:
        """One folder a release, named by content."""
        return self.root / "releases"

    @property
    def current(self) -> Path:
        """Link to the release in use."""
        return self.root / "current"

    @property
    def artifacts(self) -> Path:
        """One folder an artifact, named by content."""
        return self.root / "artifacts"

    @property
    def wheelhouse(self) -> Path:
        """Wheels pushed for installs without internet."""
        return self.root / "wheelhouse"

    @property
    def served(self) -> Path:
        """One folder a loader, holding a link named as its model to its artifact."""
        return self.root / "served"

    @property
    def etc(self) -> Path:
        """Configuration and secrets."""
        return self.root / "etc"

    @property
    def fleet_file(self) -> Path:
        """The proxy's configuration."""
        return self.etc / "fleet.json"

    @property
    def keys_file(self) -> Path:
        """Client keys, hashed."""
        return self.etc / "keys.json"

    @property
    def secrets_file(self) -> Path:
        """``GARNET_FLEET_SECRET=…``, mode 0600."""
        return self.etc / "secrets.env"

    @property
    def settings_files(self) -> tuple[Path, Path, Path]:
        """What a proxy reads at its start and on reload: configuration, keys, secret."""
        return (self.fleet_file, self.keys_file, self.secrets_file)

    @property
    def state(self) -> Path:
        """Slots and journals."""
        return self.root / "state"

    @property
    def slots_file(self) -> Path:
        """The proxy's slot table."""
        return self.state / "slots.json"

    @property
    def lease_file(self) -> Path:
        """Locked by the agent that changes this node."""
        return self.state / "lease.json"

    @property
    def trial_file(self) -> Path:
        """The deploy's change of this node that is not confirmed, or how it was taken back."""
        return self.state / "trial.json"

    @property
    def deploys(self) -> Path:
        """One folder a deploy: the snapshot before it, and how it ended."""
        return self.state / "deploys"

    @property
    def fuse(self) -> Path:
        """The fuse's own code, of no release and no environment."""
        return self.state / "fuse"

    @property
    def silences_file(self) -> Path:
        """Alerts that nobody is told of for a while, written by operators and read by the monitor."""
        return self.state / "silences.json"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.root / "run"

    @property
    def control_socket(self) -> Path:
        """The proxy's control socket, mode 0600."""
        return self.run / "proxy.sock"

    @property
    def handover_socket(self) -> Path:
        """Where a new proxy takes the sockets over from the old one, mode 0600."""
        return self.run / "proxy.handover"

    @property
    def monitor_file(self) -> Path:
        """The monitor's configuration."""
        return self.etc / "monitor.json"

    @property
    def monitor_secrets_file(self) -> Path:
        """Keys of the store and URLs of the alert routes, mode 0600."""
        return self.etc / "monitor.env"

    @property
    def monitor_live_file(self) -> Path:
        """What the monitor saw last, replaced at every sample."""
        return self.run / "monitor.json"

    @property
    def spool(self) -> Path:
        """What waits to be shipped."""
        return self.root / "spool"

    @property
    def request_journal(self) -> Path:
        """Lines of the proxy, one a request, until the monitor has taken them into a minute."""
        return self.spool / "requests"

    @property
    def event_journal(self) -> Path:
        """Lines of agents, one an event, until the monitor has taken them into the spool."""
        return self.spool / "events"

    @property
    def spool_file(self) -> Path:
        """Sealed minutes and events, as SQLite."""
        return self.spool / "spool.sqlite"

    @property
    def log(self) -> Path:
        """Bounded logs, one a job."""
        return self.root / "log"

    def make(self) -> None:
        """Create the folders that hold state, readable by their owner only."""
        for folder in (self.root, self.releases, self.artifacts, self.served, self.etc):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.state, self.run, self.log, self.request_journal, self.event_journal):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.spool, self.environments):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def release_of(module: Path) -> str:
    """Return the release that ``module`` (``<release>/node_scripts/<package>/…``) belongs to, if any."""
    folder = module.parents[2]
    return folder.name if folder.parent.name == "releases" else ""
