"""The guard: a worker ends only jobs that are still its own."""

from __future__ import annotations

from datetime import datetime

from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from crawler.event_log import get_logger

log = get_logger("watchword.cluster")

#: The engine ends a job by its number alone. A worker that stood still, and whose job was given to
#: another, would end that one's job: seen, and nothing was committed by either.
_FINISH = """
    with mine as (
      select id from procrastinate_jobs
      where id = %(job_id)s and status = 'doing' and attempts = %(attempts)s
        and worker_id is not distinct from %(worker_id)s
      for update)
    select id, procrastinate_finish_job_v1(
      id, cast(%(status)s as procrastinate_job_status), %(delete_job)s)
    from mine
"""


_PRUNE = """
    delete from procrastinate_workers worker
    where last_heartbeat < now() - make_interval(secs => %(seconds)s) and not exists (
      select from procrastinate_jobs job where job.worker_id = worker.id and job.status = 'doing')
    returning id
"""


class GuardedJobManager(JobManager):
    """Ends a job only if this worker's run of it is the newest.

    It rests on methods of the engine, which is therefore pinned to a minor version.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job as the engine does; leave it alone, and say so, if it is another's now."""
        found = await self.connector.execute_query_all_async(
            query=_FINISH,
            job_id=job.id,
            attempts=job.attempts,
            worker_id=job.worker_id,
            status=status.value,
            delete_job=delete_job,
        )
        if not found:
            log.warning(
                "a job was given to another worker; it is left to that one", job=job.call_string
            )

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Delete the rows of workers that are dead and have no job any more; return their ids.

        The engine deletes the others too, which changes the rows of their jobs. A worker that
        stands still within a transaction holds such a row: no other worker could start before that
        transaction ends. The sweep deals with those jobs.
        """
        rows = await self.connector.execute_query_all_async(
            query=_PRUNE, seconds=seconds_since_heartbeat
        )
        return [row["id"] for row in rows]

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Raise an error: see :func:`scheduler.cluster.engine.build_app`."""
        raise NotImplementedError("no task retries itself")
