"""A supervisor's own file of a job tells the job as it was ensured."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.contracts import Job
from node_scripts.paths import NodePaths
from node_scripts.supervision.interface import SupervisionError
from node_scripts.supervision.launchd import Launchd
from node_scripts.supervision.launchd_files import AgentFiles
from node_scripts.supervision.launchd_plist import Account, job_label, job_plist
from node_scripts.supervision.launchd_plist import read_job as read_plist
from node_scripts.supervision.processes import Completed
from node_scripts.supervision.supervisor_config import job_config, read_job
from node_scripts.supervision.supervisord import Supervisord

ACCOUNT = Account(name="ada", identity=501, home=Path("/Users/ada"))
ROOT = Path("/Users/ada/garnet")
REFUSED = Completed(1, "not to be asked")
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=20)
NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True)
JOBS = st.builds(
    Job,
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    argv=st.lists(WORDS, min_size=1, max_size=6),
    working_directory=st.just("/srv/a b"),
    log=st.just("/srv/log/x.log"),
    environment=st.dictionaries(NAMES, WORDS, max_size=3),
    stop_timeout_s=st.integers(1, 1000),
)


@given(job=JOBS)
def test_supervisords_file_gives_the_job_back(job: Job) -> None:
    """Whatever its arguments hold: quotes, equal signs, what an ini file takes for a comment."""
    assert read_job(job.name, job_config(job)) == job


@given(job=JOBS)
def test_launchds_property_list_gives_the_job_back(job: Job) -> None:
    """Without what every job of an account gets."""
    for daemon in (True, False):
        entries = plistlib.loads(job_plist(job, job_label("rack", ROOT, job.name), ACCOUNT, daemon=daemon))
        assert read_plist(entries, ACCOUNT) == job


def test_launchds_job_is_read_from_its_own_file(tmp_path: Path) -> None:
    """Not from that of another root; nothing is asked of launchd."""
    files = AgentFiles(home=tmp_path, identity=501)
    launchd = Launchd(fleet="rack", root=ROOT, account=ACCOUNT, files=files, runner=lambda _command: REFUSED)
    job = Job(name="fuse", argv=["/p", "x y"], working_directory="/srv", log="/srv/log/fuse.log")
    for root, name in ((ROOT, "fuse"), (Path("/other"), "monitor")):
        label = job_label("rack", root, name)
        files.write(files.folder / f"{label}.plist", job_plist(job, label, ACCOUNT, daemon=False))
    assert launchd.definition("fuse") == job
    assert launchd.definition("monitor") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """And a job that there is not is none."""
    folder = tmp_path / "etc" / "supervisor" / "jobs"
    folder.mkdir(parents=True)
    supervisor = Supervisord(NodePaths.at(tmp_path))
    assert supervisor.definition("loader-1") is None
    (folder / "loader-1.conf").write_text("[program:loader-1]\n")
    with pytest.raises(SupervisionError, match="loader-1's file is damaged"):
        supervisor.definition("loader-1")
