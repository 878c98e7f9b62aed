"""Fetch a repository's model files from a Hugging Face hub, resumably, with progress."""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers, tqdm

from node_scripts.artifacts import MODEL_FILES, ArtifactError, safe_path, sha256_of

REPORT_EVERY_S = 0.5
PARTS_FOLDER = ".parts"
"""Where unfinished files lie, inside the folder fetched into, named by content."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file to fetch: large ones have a SHA-256, the others git's own digest."""

    name: str
    bytes: int
    sha256: str | None
    git_digest: str | None


class Progress:
    """Sums bytes over files and reports them, at most twice a second."""

    def __init__(self, total: int, report: Callable[[int, int], None]) -> None:
        """Start at nothing done of ``total``."""
        self._total = total
        self._report = report
        self._before = 0
        self._current = 0
        self._reported = 0.0

    def add(self, amount: float) -> None:
        """Count bytes of the current file."""
        self._current += int(amount)
        now = time.monotonic()
        if now - self._reported >= REPORT_EVERY_S:
            self._reported = now
            self._report(min(self._before + self._current, self._total), self._total)

    def finish_file(self, size: int) -> None:
        """Count the current file as whole, however much of it was there before."""
        self._before += size
        self._current = 0
        self._report(self._before, self._total)

    def bar(self) -> type[Any]:
        """Return a tqdm class that counts here and draws nothing."""
        add = self.add

        class Counting(tqdm):  # type: ignore[misc]
            def update(self, n: float | None = 1) -> None:
                add(n or 0)

        return Counting


def fetch_files(
    repository: str, revision: str, folder: Path, endpoint: str | None, report: Callable[[int, int], None]
) -> None:
    """Fetch the model files of ``repository`` at ``revision`` into ``folder`` as plain files.

    Raises ArtifactError with the reason in one line.
    """
    try:
        _fetch_files(repository, revision, folder, endpoint, report)
    except GatedRepoError:
        hint = "accept its terms on the hub and put a token into HF_TOKEN on the node"
        raise ArtifactError(f"{repository} is gated: {hint}") from None
    except RevisionNotFoundError:
        raise ArtifactError(f"{repository} has no revision {revision}") from None
    except RepositoryNotFoundError:
        raise ArtifactError(f"the hub has no repository {repository}, or it is private") from None
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        raise ArtifactError(f"{repository}@{revision} was not fetched: {_one_line(error)}") from error


def _fetch_files(
    repository: str, revision: str, folder: Path, endpoint: str | None, report: Callable[[int, int], None]
) -> None:
    files, commit = list_files(repository, revision, endpoint)
    progress = Progress(sum(file.bytes for file in files), report)
    parts = folder / PARTS_FOLDER
    parts.mkdir(exist_ok=True)
    for file in files:
        destination = folder / file.name
        if not (destination.is_file() and is_whole(destination, file)):
            url = hf_hub_url(repository, file.name, revision=commit, endpoint=endpoint)
            part = parts / (file.sha256 or file.git_digest or file.name.replace("/", "--"))
            fetch_file(url, part, file, progress)
            destination.parent.mkdir(parents=True, exist_ok=True)
            part.rename(destination)
        progress.finish_file(file.bytes)
    shutil.rmtree(parts)


def fetch_file(url: str, part: Path, file: HubFile, progress: Progress) -> None:
    """Fetch what is missing of ``part``, which earlier processes may have begun, and check it.

    huggingface_hub's own download of a file starts anew in each process; weights are too large for that.
    """
    with part.open("ab") as stream:
        begun = stream.tell()
        progress.add(begun)
        http_get(
            url,
            stream,
            resume_size=begun,
            headers=build_hf_headers(),
            expected_size=file.bytes,
            tqdm_class=progress.bar(),
        )
    if not is_whole(part, file):
        size = part.stat().st_size
        part.unlink()
        raise ArtifactError(f"{file.name} arrived broken ({size} of {file.bytes} bytes); fetch again")


def list_files(repository: str, revision: str, endpoint: str | None) -> tuple[list[HubFile], str]:
    """Return the model files of a revision, small ones first, and the commit it stands for.

    The commit is what is fetched, so that a branch moved in between cannot mix two versions.
    """
    info = HfApi(endpoint=endpoint).model_info(repository, revision=revision, files_metadata=True)
    files = []
    for sibling in info.siblings or []:
        name = sibling.rfilename
        if not any(fnmatch.fnmatch(name, pattern) for pattern in MODEL_FILES):
            continue
        if not safe_path(name):
            raise ArtifactError(f"{repository} names {name!r}, which is no path inside an artifact")
        large = sibling.lfs
        digest = None if large else sibling.blob_id
        files.append(HubFile(name, sibling.size or 0, large.sha256 if large else None, digest))
    if not files:
        raise ArtifactError(f"{repository}@{revision} holds no model files")
    return sorted(files, key=lambda file: (file.bytes, file.name)), info.sha or revision


def is_whole(path: Path, file: HubFile) -> bool:
    """Tell whether a file is what the hub says it is."""
    if path.stat().st_size != file.bytes:
        return False
    if file.sha256 is not None:
        return sha256_of(path) == file.sha256
    return file.git_digest is None or git_digest(path.read_bytes()) == file.git_digest


def git_digest(content: bytes) -> str:
    """Return what git names a file's content by, as the hub does for small files."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
