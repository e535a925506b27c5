"""An import: which files, into which namespaces, in which order; one at a time."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from infra.importing.backdating import BackdatedIds
from infra.importing.file_ids import FileIds, check_namespace
from infra.importing.follows import Follows
from infra.importing.outside import Outside
from infra.importing.people import People
from infra.importing.posts import Posts
from infra.importing.recording import apart
from infra.importing.rejects import Rejects
from infra.importing.run import Run
from infra.importing.survey import Survey, stem_of
from infra.importing.tally import Report, Summary, Tally

_FOREIGN: Final = re.compile("[^A-Za-z0-9._-]+")


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported. Without a namespace each file is one of its own, named after it."""

    posts: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    namespace: str | None = None


class _Job(NamedTuple):
    namespace: str
    posts: tuple[Path, ...]
    follows: tuple[Path, ...]


class Imports:
    """Runs imports, one after the other: two at once could date two posts with one id."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._turn = asyncio.Lock()

    async def run(self, files: Files, report: Report) -> Summary:
        """Import what is not there yet.

        Raises UnreadableFile, BadNamespace, Unavailable: what was done until then stays done,
        and the next run goes on from there.
        """
        jobs = _jobs(files)
        async with self._turn:
            tally = Tally(report)
            tally.begin("Looking through the files")
            surveys = [await asyncio.to_thread(_surveyed, job) for job in jobs]
            tally.lines_total = sum(survey.lines for survey in surveys)
            for job, survey in zip(jobs, surveys, strict=True):
                await self._run(job, survey, tally)
            return tally.end()

    async def _run(self, job: _Job, survey: Survey, tally: Tally) -> None:
        outside = self._outside
        ids = await apart(FileIds, job.namespace, outside.index, outside.ports.handles)
        with Rejects(outside.folder / f"{job.namespace}.rejects.jsonl") as rejects:
            now_ms = round(outside.ports.stamps.now().timestamp() * 1000)
            run = Run(outside, ids, BackdatedIds(outside.index, ids.left), rejects, tally, now_ms)
            people = People(run, survey.first_posts)
            await Posts(run, people).take(job.posts)
            await Follows(run, people).take(job.follows)
        if rejects.count:
            tally.summary.rejects.append(str(rejects.path))


def _jobs(files: Files) -> Sequence[_Job]:
    jobs: dict[str, _Job] = {}
    for name in files.posts:
        job = _job_of(jobs, files, name)
        jobs[job.namespace] = job._replace(posts=(*job.posts, Path(name)))
    for name in files.follows:
        job = _job_of(jobs, files, name)
        jobs[job.namespace] = job._replace(follows=(*job.follows, Path(name)))
    return tuple(jobs.values())


def _job_of(jobs: dict[str, _Job], files: Files, name: str) -> _Job:
    namespace = files.namespace
    if namespace is None:
        namespace = _FOREIGN.sub("_", stem_of(Path(name))).strip("._-")
    return jobs.get(check_namespace(namespace), _Job(namespace, (), ()))


def _surveyed(job: _Job) -> Survey:
    survey = Survey()
    survey.look(job.posts, job.follows)
    return survey
