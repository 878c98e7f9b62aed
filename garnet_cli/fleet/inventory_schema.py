"""Every key of an inventory: what it is, its unit, its default, an example.

This table is the one source for reading, for `docs/inventory.md`, and for the check that
`inventory.example.toml` names every key.
"""

from __future__ import annotations

from typing import Any

from garnet_cli.fleet.inventory_costs import COST_KEYS, REFERENCE_KEYS
from garnet_cli.fleet.inventory_deploy import DEPLOY_KEYS
from garnet_cli.fleet.inventory_keys import Key
from garnet_cli.fleet.inventory_telemetry import ALERT_KEYS, TELEMETRY_KEYS
from garnet_cli.fleet.inventory_urls import power_meter, store
from garnet_cli.fleet.inventory_values import (
    FLEET_NAME,
    HOST,
    MODEL_NAME,
    USER,
    address,
    choice,
    flag,
    jump,
    node_names,
    number,
    text,
    timezone,
    whole,
)
from node_scripts.contracts import ProxyConfig

NAME_FORM = "1 to 32 of a-z, 0-9 and -, not beginning with -"
PORT = whole(1, 65535)


def _proxy_default(field: str) -> Any:
    return ProxyConfig.__dataclass_fields__[field].default


FLEET_KEYS = (
    Key("name", text(NAME_FORM, FLEET_NAME), f"The fleet's name: {NAME_FORM}.", '"office"', required=True),
    Key("store", store, "Where telemetry is kept: `s3://bucket/prefix` or a path.", '"s3://garnet/office"',
        default_text="none"),
    Key("timezone", timezone, "IANA time zone of reports.", '"Europe/Berlin"', "UTC"),
    Key("known_hosts", text("a path"), "File of the nodes' SSH host keys, written by `garnet init`.",
        '"known_hosts"', "known_hosts"),
    Key("python", text("an absolute path"),
        "Absolute path of a Python ≥ 3.11 on every node, to make environments with.",
        '"/opt/homebrew/bin/python3.12"', default_text="the newest that the node has"),
    Key("environments", text("an absolute path"),
        "Folder of virtual environments on every node; nodes on one host may share it.",
        '"/Users/garnet/environments"', default_text="`envs` below the node's root"),
)  # fmt: skip

NODE_KEYS = (
    Key("name", text(NAME_FORM, FLEET_NAME), f"The node's name, unique: {NAME_FORM}.", '"mini-1"',
        required=True),
    Key("transport", choice("ssh", "local"), "`ssh`, or `local` for a node that is a folder of this machine.",
        '"ssh"', "ssh"),
    Key("host", text("a host name or an IP address", HOST),
        "Host name or address for SSH; required for ssh, not allowed for local.", '"192.168.1.11"',
        default_text="none", shown=True),
    Key("port", PORT, "SSH port.", "22", 22),
    Key("user", text("a user name", USER), "SSH user.", '"garnet"', default_text="your own user name"),
    Key("identity_file", text("a path"), "SSH private key, a path on this machine.", '"~/.ssh/id_ed25519"',
        default_text="the SSH agent's keys and SSH's usual files"),
    Key("jump", jump, "Jump host in front of the node, `user@host:port`.", '"ops@bastion.example.com:22"',
        default_text="none"),
    Key("root", text("an absolute path"),
        "Absolute path of the node's folder; for local it may be relative to the inventory.",
        '"/Users/garnet/garnet"', required=True),
    Key("address", text("a host name or an IP address", HOST),
        "Where clients and the other nodes reach this node's proxy, without the port.", '"192.168.1.11"',
        default_text="`host`; 127.0.0.1 for local"),
    Key("listen", address("0.0.0.0:8080"), "`host:port` of this node's proxy, where nodes share a machine.",
        '"0.0.0.0:8081"', default_text="`listen` of `[proxy]`"),
    Key("memory_gb", number(1, 4096), "Memory in GB, when it is to be told rather than asked.", "64",
        default_text="asked of the node"),
    Key("chip", text("a chip's name"), "The chip, when it is to be told rather than asked.", '"Apple M4 Pro"',
        default_text="asked of the node"),
    Key("price_usd", number(0, 1_000_000), "What the machine cost, in US dollars; for cost reports.", "1999",
        default_text="none"),
    Key("idle_watts", number(0, 10_000), "As in `[costs]`, for this node.", "4",
        default_text="`idle_watts` of `[costs]`"),
    Key("nameplate_watts", number(1, 10_000), "As in `[costs]`, for this node: 65 for an M4 mini.", "65",
        default_text="`nameplate_watts` of `[costs]`"),
    Key("power_meter", power_meter,
        "What measures the node's wall power: `shelly://host[/id]` (Gen2 or later), `tasmota://host`, or"
        " `apc://community@host/outlet` (a rack PDU, by SNMP).",
        '"shelly://192.168.1.31"', default_text="none: the machine's own figure, where it has one"),
    Key("python", text("an absolute path"), "As in `[fleet]`, for this node.", '"/usr/local/bin/python3.11"',
        default_text="`python` of `[fleet]`"),
    Key("environments", text("an absolute path"),
        "As in `[fleet]`, for this node; for local it may be relative to the inventory.",
        '"/Users/garnet/environments"', default_text="`environments` of `[fleet]`"),
    Key("boot", flag, "Whether the node's jobs start with the machine.", "true",
        default_text="true for ssh, false for local"),
)  # fmt: skip

MODEL_KEYS = (
    Key("source", text("a source"),
        "`org/repo@commit` on Hugging Face (the full commit: a branch or tag moves), or a folder of this"
        " machine: a path that begins with `/`, `./`, `../` or `~`, relative to the inventory.",
        '"mlx-community/Llama-3.2-3B-Instruct-4bit@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"', required=True),
    Key("nodes", node_names, 'Names of the nodes that serve it, or `"all"`.', '["mini-1", "mini-2"]',
        required=True),
    Key("context", whole(1, 10_000_000), "Most tokens of prompt and completion together.", "8192", 8192),
    Key("concurrency", whole(1, 1024), "Requests a loader works on at once; more wait in the queue.", "8", 8),
    Key("latency_p95_ms", number(0.1, 3_600_000),
        "The model's own budget of the p95 latency in milliseconds, over five minutes; beyond it an alert"
        " fires.",
        "2500", default_text="`latency_p95_ms` of `[alerts]`"),
    Key("reference", text("the name of a [costs.reference.NAME] table", MODEL_NAME),
        "Name of the `[costs.reference.NAME]` table whose API prices its costs are compared with.",
        '"gpt-4o-mini"', default_text="none"),
    Key("cache_gb", number(0.001, 4096), "Most that a loader's prompt cache keeps, in GB (1024³ bytes).", "4",
        default_text="two full contexts of the model"),
    Key("plan_requests_per_s", number(0.000_001, 1_000_000),
        "Requests a second that it was planned for in its busiest hours; above it `garnet weekly` proposes a"
        " node of its own.",
        "12", default_text="none"),
)  # fmt: skip

PROXY_KEYS = (
    Key("listen", address("0.0.0.0:8080"), "`host:port` of every node's proxy.", '"0.0.0.0:8080"',
        ("0.0.0.0", 8080), default_text='"0.0.0.0:8080"'),  # noqa: S104 -- the one port meant to be open
    Key("latency_budget_ms", whole(1, 3_600_000),
        "p99 budget in milliseconds, end to end, of one test prompt: a swap's next loader must meet it.",
        "2000", _proxy_default("latency_budget_ms")),
    Key("queue_limit", whole(0, 100_000), "Requests that may wait for one loader; beyond it 429.", "64",
        _proxy_default("queue_limit")),
    Key("queue_timeout_s", number(0, 3600), "Longest wait in the queue in seconds; beyond it 429.", "30",
        _proxy_default("queue_timeout_s")),
    Key("first_byte_timeout_s", number(1, 3600),
        "Longest silence of a loader before its first token, in seconds.", "120",
        _proxy_default("first_byte_timeout_s")),
    Key("stall_timeout_s", number(1, 3600),
        "Longest silence between two tokens, in seconds, before a loader counts as hung.", "60",
        _proxy_default("stall_timeout_s")),
    Key("max_body_mb", number(0.001, 1024), "Largest request body in MB (1,048,576 bytes).", "8", 8.0),
    Key("max_tokens_limit", whole(1, 10_000_000), "Cap on a request's `max_tokens`.", "32768",
        _proxy_default("max_tokens_limit")),
)  # fmt: skip

TABLES: dict[str, tuple[Key, ...]] = {
    "[fleet]": FLEET_KEYS,
    "[[nodes]]": NODE_KEYS,
    "[models.NAME]": MODEL_KEYS,
    "[proxy]": PROXY_KEYS,
    "[telemetry]": TELEMETRY_KEYS,
    "[alerts]": ALERT_KEYS,
    "[costs]": COST_KEYS,
    "[costs.reference.NAME]": REFERENCE_KEYS,
    "[deploy]": DEPLOY_KEYS,
}
"""The tables by their headers, in the order of the reference."""

TABLE_DOCS = {
    "[fleet]": "The fleet as a whole. Required.",
    "[[nodes]]": "One table for each node; at least one.",
    "[models.NAME]": "One table for each served model; NAME is what clients send as `model`: 1 to 64 of"
    " A-Z, a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit. Quote a name with a dot.",
    "[proxy]": "The proxies' settings, the same on every node. Optional.",
    "[telemetry]": "How minutes and events reach `store` of `[fleet]`, and how long they are kept. The"
    " store's keys are not written here: they are `GARNET_STORE_ACCESS_KEY_ID` and"
    " `GARNET_STORE_SECRET_ACCESS_KEY` in the environment of `garnet`, or in the file that `secrets` names."
    " Optional.",
    "[alerts]": "From which figures on the nodes raise alerts. Where messages go is secret, since the URLs"
    " hold tokens: `GARNET_ROUTE_ALERTS`, `GARNET_ROUTE_THERMAL` and `GARNET_ROUTE_MONTHLY`, apprise URLs"
    " separated by blanks, given as the store's keys are. Optional.",
    "[costs]": "What the fleet's costs are computed from, beside each node's `price_usd`. Optional.",
    "[costs.reference.NAME]": "What an API asks for the like of a model, as data with a date and a source;"
    " `reference` of `[models.NAME]` names it. The numbers here are an example: look up those of today.",
    "[deploy]": "How careful `garnet deploy` is. Optional.",
}
