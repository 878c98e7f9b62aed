"""Find out how this Mac's launchd can be used."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

from node_scripts.paths import NodePaths
from node_scripts.supervision.launchd import Launchd
from node_scripts.supervision.launchd_files import AgentFiles, DaemonFiles, can_sudo
from node_scripts.supervision.launchd_plist import Account, root_hash


def launchd_for(paths: NodePaths) -> Launchd:
    """Return the system's domain where ``sudo -n`` works, else the user's own.

    A root that already has jobs in one of the two stays there: never the same job in both.
    """
    user = pwd.getpwuid(os.getuid())
    account = Account(name=user.pw_name, identity=user.pw_uid, home=Path(user.pw_dir))
    daemons, agents = DaemonFiles(), AgentFiles(home=account.home, identity=account.identity)
    ours = f"com.garnet.*.{root_hash(paths.root)}.*.plist"
    if any(daemons.folder.glob(ours)):
        files: DaemonFiles | AgentFiles = daemons
    elif any(agents.folder.glob(ours)):
        files = agents
    else:
        files = daemons if can_sudo() else agents
    return Launchd(fleet=_fleet_name(paths), root=paths.root, account=account, files=files)


def _fleet_name(paths: NodePaths) -> str:
    try:
        return str(json.loads(paths.fleet_file.read_text())["fleet"])
    except (OSError, ValueError, KeyError):
        return "fleet"
