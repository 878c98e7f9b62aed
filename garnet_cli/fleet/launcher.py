"""The few lines that find a Python on a node and start the agent there."""

from __future__ import annotations

FIND_PYTHON = r"""
asked=$1 root=$2 environments=$3 boot=$4
case $root in "~/"*) root=$HOME/${root#"~/"} ;; esac
case $environments in "~/"*) environments=$HOME/${environments#"~/"} ;; esac
case $asked in "~/"*) asked=$HOME/${asked#"~/"} ;; esac
start() { exec "$1" -I -S -B -c "$boot" "$root" "$environments"; }
fits() { [ -x "$1" ] && "$1" -I -S -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; }
if [ -n "$asked" ]; then
  [ -x "$asked" ] && start "$asked"
  message="the python of the inventory is not an executable"
else
  for complete in "${environments:-$root/envs}"/*/.complete; do
    [ -x "${complete%/.complete}/bin/python" ] && start "${complete%/.complete}/bin/python"
  done
  for version in 3.13 3.12 3.11 3.14 3; do
    for folder in /opt/homebrew/bin /usr/local/bin /opt/local/bin "$HOME/.local/bin" \
      "/Library/Frameworks/Python.framework/Versions/$version/bin"; do
      fits "$folder/python$version" && start "$folder/python$version"
    done
    python=$(command -v "python$version" 2>/dev/null)
    # On a Mac without its developer tools this one opens a window; with them it is too old.
    [ "$python" = /usr/bin/python3 ] && [ -d /System/Library ] && continue
    fits "$python" && start "$python"
  done
  for uv in "$HOME/.local/bin/uv" /opt/homebrew/bin/uv /usr/local/bin/uv "$HOME/.cargo/bin/uv" uv; do
    python=$("$uv" python find --no-project ">=3.11" 2>/dev/null </dev/null)
    fits "$python" && start "$python"
  done
  message="no Python of at least 3.11 was found"
fi
printf "%s%s%s\n" "{\"id\":0,\"kind\":\"error\",\"value\":{\"code\":\"no_python\",\"message\":\"" "$message" \
  "\",\"remedy\":\"install Python 3.11 or newer, or uv, there, or name one with python in the inventory\"}}"
exit 127
"""
"""Arguments: the inventory's Python or nothing, the root, the environments' folder or nothing, BOOT."""

BOOT = r"""
import json, os, sys, zlib
if sys.version_info < (3, 11):
    old = {"code": "no_python", "message": "the python of the inventory is older than 3.11",
           "remedy": "name a newer one with python in the inventory"}
    print(json.dumps({"id": 0, "kind": "error", "value": old}))
    sys.exit(127)
from importlib.machinery import ModuleSpec

class Archive:
    def __init__(self, sources):
        self.sources = sources
    def find_spec(self, name, path=None, target=None):
        base = name.replace(".", "/")
        for file, package in ((base + "/__init__.py", True), (base + ".py", False)):
            if file in self.sources:
                return ModuleSpec(name, self, origin=file, is_package=package)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        file = module.__spec__.origin
        exec(compile(self.sources[file], file, "exec", dont_inherit=True), module.__dict__)
    def get_source(self, name):
        return self.sources[self.find_spec(name).origin]

def read(size):
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data

length = b""
while not length.endswith(b"\n"):
    length += read(1)
sys.meta_path.insert(0, Archive(json.loads(zlib.decompress(read(int(length))))))
from node_scripts.agent.__main__ import main
main(sys.argv[1], sys.argv[2])
"""
"""Reads the agent's code from standard input into memory: a full disk or a missing root is no obstacle,
nothing is left behind, and nothing can be stale. Arguments: the root, the environments' folder or nothing."""


def agent_command(root: str, python: str | None, environments: str | None) -> list[str]:
    """Return the command that starts an agent for ``root``; ``~/`` is the node's user's home."""
    return ["/bin/sh", "-c", FIND_PYTHON, "garnet-agent", python or "", root, environments or "", BOOT]
