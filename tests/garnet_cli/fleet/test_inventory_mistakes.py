"""Every kind of bad inventory, each with the one line that its author sees."""
# ruff: noqa: E501, ISC004 -- each line stands as its author sees it

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.errors import InventoryError
from garnet_cli.fleet.inventory_file import load_inventory, parse_inventory

COMMIT = "7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"
FLEET = '[fleet]\nname = "office"\n'
NODE = '[[nodes]]\nname = "mini-1"\nhost = "10.0.0.1"\nroot = "/srv/garnet"\n'
LOCAL = '[[nodes]]\nname = "here"\ntransport = "local"\nroot = "one"\n'
MODEL = f'[models.llama]\nsource = "org/llama@{COMMIT}"\nnodes = "all"\n'
REFERENCE = "prompt_usd_per_million = 1\ncompletion_usd_per_million = 2\n"
REFERENCE += 'date = 2026-11-01\nsource = "a page"\n'
GOOD = FLEET + NODE + MODEL
"""Ten lines: fleet 1-2, node 3-6, model 7-9; what is appended starts on line 10."""


def mistakes_of(text: str | bytes, folder: Path) -> list[str]:
    """Return the mistakes of ``text``, without the folder in front."""
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(InventoryError) as caught:
        parse_inventory(content, folder / "fleet.toml")
    return [mistake.replace(f"{folder}/", "") for mistake in caught.value.mistakes]


def with_fleet(line: str) -> str:
    """Return a good inventory with ``line`` as line 3, in [fleet]."""
    return FLEET + line + "\n" + NODE + MODEL


def with_node(line: str) -> str:
    """Return a good inventory with ``line`` as line 7, in [[nodes]]."""
    return FLEET + NODE + line + "\n" + MODEL


def with_model(line: str) -> str:
    """Return a good inventory with ``line`` as line 10, in [models.llama]."""
    return GOOD + line + "\n"


def model(source: str, nodes: str = '"all"') -> str:
    """Return an inventory whose model has ``source`` on line 8 and ``nodes`` on line 9."""
    return FLEET + NODE + f"[models.llama]\nsource = {source}\nnodes = {nodes}\n"


CASES: dict[str, tuple[str | bytes, str]] = {
    "key misspelt": (
        with_fleet('stroe = "s3://b"'),
        'fleet.toml:3: [fleet] stroe: is no key of [fleet]; did you mean "store"?',
    ),
    "key unlike any": (
        with_model("zzz = 1"),
        "fleet.toml:10: [models.llama] zzz: is no key of [models.llama],"
        " expected source, nodes, context, concurrency, latency_p95_ms, reference, cache_gb or plan_requests_per_s",
    ),
    "table misspelt": (
        GOOD + "[proxi]\n",
        "fleet.toml:10: [proxi]: is no table of an inventory, expected [fleet], [[nodes]], [models.NAME],"
        " [proxy], [telemetry], [alerts], [costs] or [deploy]; did you mean [proxy]?",
    ),
    "fleet without name": (
        "[fleet]\n" + NODE,
        'fleet.toml:1: [fleet]: name is missing, expected for example name = "office"',
    ),
    "no fleet table": (
        NODE,
        'fleet.toml:1: [fleet]: name is missing, expected for example name = "office"',
    ),
    "fleet name in capitals": (
        '[fleet]\nname = "Office"\n' + NODE,
        'fleet.toml:2: [fleet] name: is "Office", expected 1 to 32 of a-z, 0-9 and -, not beginning with -',
    ),
    "fleet is no table": (
        "fleet = 1\n" + NODE,
        "fleet.toml:1: [fleet]: is 1, expected a table headed [fleet]",
    ),
    "time zone misspelt": (
        with_fleet('timezone = "Europe/Berln"'),
        'fleet.toml:3: [fleet] timezone: is "Europe/Berln", expected an IANA time zone such as'
        ' "Europe/Berlin"; did you mean "Europe/Berlin"?',
    ),
    "store of another kind": (
        with_fleet('store = "gs://bucket"'),
        'fleet.toml:3: [fleet] store: is "gs://bucket", expected "s3://bucket/prefix" or a path',
    ),
    "python by name": (
        with_fleet('python = "python3.12"'),
        'fleet.toml:3: [fleet] python: is "python3.12", expected an absolute path below /',
    ),
    "empty text": (
        with_fleet('known_hosts = ""'),
        "fleet.toml:3: [fleet] known_hosts: is empty, expected a path",
    ),
    "control character": (
        with_fleet('known_hosts = "a\\u0000b"'),
        "fleet.toml:3: [fleet] known_hosts: holds a control character, expected a path",
    ),
    "no node": (
        FLEET,
        "fleet.toml:1: [[nodes]]: is missing, expected at least one node",
    ),
    "nodes as one table": (
        FLEET + '[nodes]\nname = "mini-1"\n',
        "fleet.toml:3: [[nodes]]: is a table, expected one table headed [[nodes]] for each node",
    ),
    "host missing": (
        FLEET + '[[nodes]]\nname = "mini-1"\nroot = "/srv/garnet"\n',
        'fleet.toml:3: [[nodes]] "mini-1": host is missing, expected for example host = "mini-1.local"'
        ' (or transport = "local")',
    ),
    "root missing": (
        FLEET + '[[nodes]]\nname = "mini-1"\nhost = "a"\n',
        'fleet.toml:3: [[nodes]] "mini-1": root is missing, expected for example root = "/Users/garnet/garnet"',
    ),
    "root relative over ssh": (
        GOOD.replace("/srv/garnet", "garnet"),
        'fleet.toml:6: [[nodes]] "mini-1" root: is "garnet", expected an absolute path below /',
    ),
    "root is the disk": (
        GOOD.replace("/srv/garnet", "/srv/.."),
        'fleet.toml:6: [[nodes]] "mini-1" root: is "/srv/..", expected an absolute path below /',
    ),
    "root too long for sockets": (
        GOOD.replace("/srv/garnet", "/" + "r" * 90),
        'fleet.toml:6: [[nodes]] "mini-1" root: is 91 bytes long, expected at most 79:'
        " unix sockets below it may have 103",
    ),
    "two nodes of one name": (
        GOOD + NODE.replace("10.0.0.1", "10.0.0.2"),
        'fleet.toml:11: [[nodes]] "mini-1" name: is also the name of the node on line 4',
    ),
    "two nodes of one folder": (
        GOOD + NODE.replace("mini-1", "mini-2") + 'listen = "0.0.0.0:8081"\n',
        'fleet.toml:13: [[nodes]] "mini-2" root: is also that of "mini-1" on the same machine,'
        " expected a folder for each node",
    ),
    "two nodes of one port on one machine": (
        FLEET + LOCAL + LOCAL.replace("here", "there").replace("one", "two") + 'address = "10.0.0.9"\n',
        'fleet.toml:7: [[nodes]] "there" listen: is port 8080, which "here" on the same machine uses too,'
        " expected a port for each node",
    ),
    "two nodes of one port, one of them on all addresses": (
        FLEET
        + LOCAL
        + LOCAL.replace("here", "there").replace("one", "two")
        + 'address = "10.0.0.9"\nlisten = "127.0.0.1:8080"\n',
        'fleet.toml:12: [[nodes]] "there" listen: is port 8080, which "here" on the same machine uses too, expected a port for each node',
    ),
    "two nodes of one address": (
        GOOD + NODE.replace("mini-1", "mini-2").replace("10.0.0.1", "a") + 'address = "10.0.0.1"\n',
        'fleet.toml:14: [[nodes]] "mini-2" address: with port 8080 is also that of "mini-1",'
        " expected one for each node",
    ),
    "transport misspelt": (
        with_node('transport = "shs"'),
        'fleet.toml:7: [[nodes]] "mini-1" transport: is "shs", expected "ssh" or "local";'
        ' did you mean "ssh"?',
    ),
    "jump of a local node": (
        FLEET + LOCAL + 'jump = "a@b:22"\n',
        'fleet.toml:7: [[nodes]] "here" jump: is for transport = "ssh", expected no such key on a local node',
    ),
    "jump without user": (
        with_node('jump = "bastion:22"'),
        'fleet.toml:7: [[nodes]] "mini-1" jump: is "bastion:22", expected "user@host:port" such as'
        ' "ops@bastion.example.com:22"',
    ),
    "port as text": (
        with_node('port = "22"'),
        'fleet.toml:7: [[nodes]] "mini-1" port: is "22", expected a whole number from 1 to 65535',
    ),
    "port out of range": (
        with_node("port = 70000"),
        'fleet.toml:7: [[nodes]] "mini-1" port: is 70000, expected a whole number from 1 to 65535',
    ),
    "port as flag": (
        with_node("port = true"),
        'fleet.toml:7: [[nodes]] "mini-1" port: is true, expected a whole number from 1 to 65535',
    ),
    "memory not finite": (
        with_node("memory_gb = nan"),
        'fleet.toml:7: [[nodes]] "mini-1" memory_gb: is nan, expected a number from 1 to 4096',
    ),
    "host with user": (
        GOOD.replace("10.0.0.1", "ops@10.0.0.1"),
        'fleet.toml:5: [[nodes]] "mini-1" host: is "ops@10.0.0.1", expected a host name or an IP address',
    ),
    "boot as text": (
        with_node('boot = "yes"'),
        'fleet.toml:7: [[nodes]] "mini-1" boot: is "yes", expected true or false',
    ),
    "listen without port": (
        with_node('listen = "0.0.0.0"'),
        'fleet.toml:7: [[nodes]] "mini-1" listen: is "0.0.0.0", expected "host:port" such as "0.0.0.0:8080"',
    ),
    "listen on port 0": (
        GOOD + '[proxy]\nlisten = "0.0.0.0:0"\n',
        'fleet.toml:11: [proxy] listen: is "0.0.0.0:0", expected a port from 1 to 65535',
    ),
    "node name as number": (
        FLEET + '[[nodes]]\nname = 1\nhost = "a"\nroot = "/srv/garnet"\n',
        "fleet.toml:4: [[nodes]] name: is 1, expected 1 to 32 of a-z, 0-9 and -, not beginning with - in quotes",
    ),
    "model is no table": (
        FLEET + NODE + '[models]\nllama = "org/llama"\n',
        'fleet.toml:8: [models.llama]: is "org/llama", expected a table headed [models.NAME] for each model',
    ),
    "models as array": (
        FLEET + NODE + '[[models]]\nname = "llama"\n',
        "fleet.toml:7: [models]: is an array, expected one table headed [models.NAME] for each",
    ),
    "model name with slash": (
        GOOD.replace("[models.llama]", '[models."org/llama"]'),
        'fleet.toml:7: [models.org/llama]: "org/llama" is no model name,'
        " expected 1 to 64 of A-Z, a-z, 0-9, ., _ and -",
    ),
    "model without nodes": (
        FLEET + NODE + f'[models.llama]\nsource = "org/llama@{COMMIT}"\n',
        'fleet.toml:7: [models.llama]: nodes is missing, expected for example nodes = ["mini-1", "mini-2"]',
    ),
    "model on no node": (
        model(f'"org/llama@{COMMIT}"', "[]"),
        'fleet.toml:9: [models.llama] nodes: is empty, expected "all" or a list of node names such as'
        ' ["mini-1", "mini-2"]: a model needs a node',
    ),
    "model on an unknown node": (
        model(f'"org/llama@{COMMIT}"', '["mimi-1"]'),
        'fleet.toml:9: [models.llama] nodes: "mimi-1" is no node of this inventory; did you mean "mini-1"?',
    ),
    "model on a node twice": (
        model(f'"org/llama@{COMMIT}"', '["mini-1", "mini-1"]'),
        'fleet.toml:9: [models.llama] nodes: names "mini-1" twice, expected each node once',
    ),
    "source at a branch": (
        model('"org/llama@main"'),
        'fleet.toml:8: [models.llama] source: is at "main": a branch, tag or short hash moves or is'
        " ambiguous, and nodes could serve different files under one name;"
        ' expected "org/llama@<commit, 40 hex digits>"',
    ),
    "source without a commit": (
        model('"org/llama"'),
        'fleet.toml:8: [models.llama] source: is "org/llama" without a commit,'
        ' expected "org/llama@<commit, 40 hex digits>" (or "./org/llama" for a folder)',
    ),
    "source of another form": (
        model('"llama"'),
        'fleet.toml:8: [models.llama] source: is "llama", expected "org/repo@<commit, 40 hex digits>"'
        ' or a path that begins with "/", "./", "../" or "~"',
    ),
    "folder source missing": (
        model('"./nowhere"'),
        'fleet.toml:8: [models.llama] source: is "./nowhere", but nowhere is no folder on this machine',
    ),
    "folder source without a model": (
        model('"./empty"'),
        'fleet.toml:8: [models.llama] source: is "./empty", but empty holds no config.json:'
        " not a model's folder",
    ),
    "context as fraction": (
        with_model("context = 8192.5"),
        "fleet.toml:10: [models.llama] context: is 8192.5, expected a whole number from 1 to 10000000",
    ),
    "concurrency zero": (
        with_model("concurrency = 0"),
        "fleet.toml:10: [models.llama] concurrency: is 0, expected a whole number from 1 to 1024",
    ),
    "queue limit negative": (
        GOOD + "[proxy]\nqueue_limit = -1\n",
        "fleet.toml:11: [proxy] queue_limit: is -1, expected a whole number from 0 to 100000",
    ),
    "duration with a unit": (
        GOOD + '[proxy]\nstall_timeout_s = "60s"\n',
        'fleet.toml:11: [proxy] stall_timeout_s: is "60s", expected a number from 1 to 3600',
    ),
    "store in a bucket that cannot be": (
        with_fleet('store = "s3://Garnet/office"'),
        'fleet.toml:3: [fleet] store: is "s3://Garnet/office", expected "s3://bucket/prefix" or a path',
    ),
    "store under a prefix with an empty part": (
        with_fleet('store = "s3://garnet//office"'),
        'fleet.toml:3: [fleet] store: is "s3://garnet//office", expected a prefix of A-Z, a-z, 0-9, -, _, = and . between single slashes',
    ),
    "endpoint with a path": (
        with_fleet('store = "s3://garnet"') + '[telemetry]\nendpoint = "https://s3.example.com/garnet"\n',
        'fleet.toml:12: [telemetry] endpoint: is "https://s3.example.com/garnet", expected "https://host" or "https://host:port", without a path',
    ),
    "endpoint over http on the internet": (
        with_fleet('store = "s3://garnet"') + '[telemetry]\nendpoint = "http://s3.example.com"\n',
        'fleet.toml:12: [telemetry] endpoint: is "http://s3.example.com", expected https:// (http:// only to this machine or a private network)',
    ),
    "endpoint without a store": (
        GOOD + '[telemetry]\nendpoint = "https://s3.example.com"\n',
        'fleet.toml:11: [telemetry] endpoint: is for a store on S3, but store of [fleet] is missing, expected for example store = "s3://garnet/office"',
    ),
    "telemetry key misspelt": (
        GOOD + "[telemetry]\nspool_limit = 1\n",
        'fleet.toml:11: [telemetry] spool_limit: is no key of [telemetry]; did you mean "spool_limit_mb"?',
    ),
    "store's key in the inventory": (
        GOOD + '[telemetry]\nsecret_access_key = "x"\n',
        "fleet.toml:11: [telemetry] secret_access_key: is no key of [telemetry], expected endpoint, region, secrets, spool_limit_mb, clock_server, retention_raw_days, retention_days, minute_s or sample_s",
    ),
    "minute that does not divide 60": (
        GOOD + "[telemetry]\nminute_s = 7\n",
        "fleet.toml:11: [telemetry] minute_s: is 7, expected 60, or another whole number that divides it",
    ),
    "samples rarer than minutes": (
        GOOD + "[telemetry]\nminute_s = 6\n",
        "fleet.toml:10: [telemetry] sample_s: is 5, expected at most half of minute_s, which is 6",
    ),
    "raw minutes kept longer than compacted ones": (
        GOOD + "[telemetry]\nretention_raw_days = 30\nretention_days = 10\n",
        "fleet.toml:11: [telemetry] retention_raw_days: is 30, expected at most retention_days, which is 10",
    ),
    "threshold out of range": (
        GOOD + "[alerts]\nthrottle_pct = 101\n",
        "fleet.toml:11: [alerts] throttle_pct: is 101, expected a number from 0 to 100",
    ),
    "warning after its alert": (
        GOOD + "[alerts]\nthrottle_warning_pct = 6\n",
        "fleet.toml:11: [alerts] throttle_warning_pct: is 6, expected at most throttle_pct, which is 5",
    ),
    "alert misspelt": (
        GOOD + "[alerts]\ndisk_free_pc = 5\n",
        'fleet.toml:11: [alerts] disk_free_pc: is no key of [alerts]; did you mean "disk_free_pct"?',
    ),
    "model's budget as text": (
        with_model('latency_p95_ms = "1s"'),
        'fleet.toml:10: [models.llama] latency_p95_ms: is "1s", expected a number from 0.1 to 3.6e+06',
    ),
    "power meter of another kind": (
        with_node('power_meter = "kasa://plug"'),
        'fleet.toml:7: [[nodes]] "mini-1" power_meter: is "kasa://plug", expected "shelly://host", "shelly://host/id", "tasmota://host" or "apc://community@host/outlet"',
    ),
    "unknown key of a reference price": (
        GOOD + "[costs.reference.big]\nprompt_usd = 1\n" + REFERENCE,
        "fleet.toml:11: [costs.reference.big] prompt_usd: is no key of [costs.reference.big]; did you mean"
        ' "prompt_usd_per_million"?',
    ),
    "reference price as a number": (
        GOOD + "[costs]\nreference = 3\n",
        "fleet.toml:11: [costs] reference: is 3, expected a table headed [costs.reference.NAME]",
    ),
    "date of a reference price in quotes": (
        GOOD + "[costs.reference.big]\n" + REFERENCE.replace("2026-11-01", '"2026-11-01"'),
        'fleet.toml:13: [costs.reference.big] date: is "2026-11-01", expected a date such as 2026-11-01,'
        " without quotes",
    ),
    "date of a reference price with a time": (
        GOOD + "[costs.reference.big]\n" + REFERENCE.replace("2026-11-01", "2026-11-01T10:00:00"),
        "fleet.toml:13: [costs.reference.big] date: is a date with a time, expected a date such as"
        " 2026-11-01, without quotes",
    ),
    "reference price that is not there": (
        with_model('reference = "bg"') + "[costs.reference.big]\n" + REFERENCE,
        'fleet.toml:10: [models.llama] reference: "bg" is no reference price; did you mean "big"?',
    ),
    "reference price without any": (
        with_model('reference = "big"'),
        'fleet.toml:10: [models.llama] reference: "big" is no reference price, expected a table headed'
        " [costs.reference.NAME]",
    ),
    "currency without its rate": (
        GOOD + '[costs]\ncurrency = "EUR"\n',
        'fleet.toml:11: [costs] currency: is "EUR" without usd_per_currency, expected what one EUR is in US'
        " dollars, for example usd_per_currency = 1.16",
    ),
    "rate without a currency": (
        GOOD + "[costs]\nusd_per_currency = 1.16\n",
        "fleet.toml:11: [costs] usd_per_currency: is 1.16 while currency is USD, expected to be left out",
    ),
    "idle above the nameplate": (
        GOOD + "[costs]\nidle_watts = 150\n",
        "fleet.toml:11: [costs] idle_watts: is 150, expected at most nameplate_watts, which is 140",
    ),
    "canary that is no node": (
        GOOD + '[deploy]\ncanary = "mini-2"\n',
        'fleet.toml:11: [deploy] canary: "mini-2" is no node; did you mean "mini-1"?',
    ),
    "canary that is the staging node": (
        GOOD + '[deploy]\ncanary = "mini-1"\nstaging = "mini-1"\n',
        "fleet.toml:11: [deploy] canary: is the staging node, expected one that serves clients",
    ),
    "node that idles above its nameplate": (
        with_node("nameplate_watts = 4"),
        'fleet.toml:7: [[nodes]] "mini-1" nameplate_watts: makes idle_watts 5 and nameplate_watts 4, expected the first to be less',
    ),
    "value cut off": (
        FLEET + "timezone =\n",
        "fleet.toml:3: not valid TOML: invalid value",
    ),
    "key twice": (
        with_fleet('name = "other"'),
        "fleet.toml:3: not valid TOML: cannot overwrite a value",
    ),
    "text not closed at the end": (
        FLEET + 'store = """abc',
        "fleet.toml:3: not valid TOML: unterminated string",
    ),
    "nested too deeply": (
        FLEET + "store = " + "[" * 5000,
        "fleet.toml: is nested too deeply, expected an inventory",
    ),
    "another encoding": (
        FLEET.encode() + b'store = "caf\xe9"\n',
        "fleet.toml:3: byte 0xe9 is not UTF-8, expected UTF-8 text",
    ),
    "UTF-16": (
        GOOD.encode("utf-16"),
        "fleet.toml:1: byte 0xff is not UTF-8 (it looks like UTF-16), expected UTF-8 text",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_mistake_is_one_line_with_place_and_expectation(case: str, tmp_path: Path) -> None:
    """A single mistake gives exactly the one expected line."""
    (tmp_path / "empty").mkdir()
    text, expected = CASES[case]
    assert mistakes_of(text, tmp_path) == [expected]


def test_all_mistakes_are_reported_at_once_by_line(tmp_path: Path) -> None:
    """Mistakes of every table come in one report, in the file's order."""
    text = FLEET + 'stroe = "x"\n' + NODE + "port = 0\n" + "[models.x]\n" + 'source = "y"\nnodes = []\n'
    lines = [int(mistake.split(":")[1]) for mistake in mistakes_of(text, tmp_path)]
    assert lines == [3, 8, 10, 11]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("missing", "no such file; name one with --inventory, or write one with `garnet init`"),
        ("folder", "is a folder, expected an inventory file"),
        ("device", "is no regular file, expected an inventory file"),
        ("huge", "is 1048577 bytes, expected an inventory of at most 1048576"),
        ("below a file", "cannot be read: Not a directory"),
    ],
)
def test_file_that_is_no_inventory_is_one_line(kind: str, expected: str, tmp_path: Path) -> None:
    """What cannot be read as a file says so in one line."""
    (tmp_path / "huge").write_bytes(b"#" * 1048577)
    paths = {
        "missing": tmp_path / "missing.toml",
        "folder": tmp_path,
        "device": Path("/dev/null"),
        "huge": tmp_path / "huge",
        "below a file": tmp_path / "huge" / "x",
    }
    with pytest.raises(InventoryError) as caught:
        load_inventory(paths[kind])
    assert caught.value.mistakes == [f"{paths[kind]}: {expected}"]
