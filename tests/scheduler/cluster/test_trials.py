"""Workers are killed, stopped and cut off: each piece is done once. Without the care, it is not.

A machine with much other work may keep a worker waiting for longer than it is given, so that its
job goes to another although it lives. That changes nothing in what is done, and these tests look at
that alone.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from alerts.ledger import queued_jobs
from tests.support.cluster_trial import ClusterTrial, TrialProcess, run_trial
from tests.support.postgres import EMPTY_LEDGER, create_database

pytestmark = [pytest.mark.process, pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def trial(postgres_server: str) -> Iterator[ClusterTrial]:
    """A trial on the server of this test run."""
    with create_database(postgres_server, EMPTY_LEDGER) as url, run_trial(url) as made:
        yield made


def kill(worker: TrialProcess) -> None:
    """Kill a worker, as the kernel does where memory is short."""
    worker.send(signal.SIGKILL)
    worker.process.wait()


def test_a_job_of_a_worker_that_was_killed_goes_to_another(trial: ClusterTrial) -> None:
    """The engine alone leaves it as it is, for ever."""
    trial.add("a 1 0")
    first = trial.start_worker()
    first.wait_until_said("began a")
    kill(first)
    other = trial.start_worker()
    trial.add("b 0 0")
    other.wait_until_said("ended b")
    assert trial.jobs == ["doing"]
    trial.wait_until_done("a", "b")


def set_clock_back(trial: ClusterTrial) -> None:
    """Date all that the engine dated an hour later, as a clock would have that was set back since.

    The server's own clock cannot be set here.
    """
    for column in (
        "procrastinate_workers set last_heartbeat = last_heartbeat",
        "procrastinate_jobs set scheduled_at = scheduled_at",
        "procrastinate_events set at = at",
    ):
        with trial.ledger.writing() as connection:
            connection.execute(text("set local search_path to jobs, public"))
            connection.execute(text(f"update {column} + interval '1 hour'"))


def test_a_clock_that_was_set_back_keeps_no_job_from_the_living(trial: ClusterTrial) -> None:
    """The engine would wait for an hour: for the sign of life, and for the job's time."""
    trial.add("a 1 0")
    first = trial.start_worker()
    first.wait_until_said("began a")
    kill(first)
    set_clock_back(trial)
    trial.sweep_until(lambda: trial.jobs == ["todo"], "it is taken from the dead")
    set_clock_back(trial)
    trial.start_worker()
    trial.wait_until_done("a")


def test_a_job_that_waits_takes_the_place_of_one_that_was_killed(trial: ClusterTrial) -> None:
    """The engine's own retry fails, the dead job holds its lock, and the other never starts."""
    trial.add("a 1 0")
    first = trial.start_worker()
    first.wait_until_said("began a")
    trial.add("a 1 0")
    kill(first)
    with pytest.raises(IntegrityError):
        retry_as_engine(trial)
    trial.start_worker()
    trial.sweep_until(lambda: "aborted" in trial.jobs, "the dead job ends")
    trial.sweep_until(lambda: trial.jobs == ["aborted"], "the other one is done")
    assert trial.traces == ["a"]


def retry_as_engine(trial: ClusterTrial) -> None:
    """Let the job that runs wait again, as the engine's documentation advises."""
    with trial.ledger.writing_shard() as connection:
        set_path(connection)
        connection.execute(
            text(
                "select procrastinate_retry_job_v2(id, now(), null, null, null)"
                " from procrastinate_jobs where status = 'doing'"
            )
        )


def set_path(connection: Connection) -> None:
    connection.execute(text("set local search_path = public, jobs"))


@pytest.mark.parametrize(("has_fence", "times"), [(True, 1), (False, 2)])
def test_a_worker_that_stood_still_commits_nothing(
    trial: ClusterTrial, has_fence: bool, times: int
) -> None:
    """It goes on before its last transaction, when another worker has done its job."""
    trial.add("a 0.5 0")
    first = trial.start_worker(has_fence=has_fence, has_mark=False)
    first.wait_until_said("began a")
    first.send(signal.SIGSTOP)
    heir = trial.start_worker(has_mark=False)
    trial.sweep_until(lambda: "ended a" in heir.said, "the heir does it")
    first.send(signal.SIGCONT)
    first.wait_until_said("lost a" if has_fence else "ended a")
    assert trial.traces == ["a"] * times
    trial.add("b 0 0")
    trial.wait_until_done(*["a"] * times, "b")


@pytest.mark.parametrize("has_guard", [True, False])
def test_a_worker_that_stood_still_ends_no_job_of_another(
    trial: ClusterTrial, has_guard: bool
) -> None:
    """Without the guard the heir's job is gone while the heir works, and the heir is fenced off."""
    trial.add("a 3 0")
    first = trial.start_worker(has_guard=has_guard)
    first.wait_until_said("began a")
    first.send(signal.SIGSTOP)
    heir = trial.start_worker()
    trial.sweep_until(lambda: "began a" in heir.said, "the heir begins")
    first.send(signal.SIGCONT)
    first.wait_until_said("lost a")
    heir.wait_until_said("ended a" if has_guard else "lost a")
    assert trial.traces == (["a"] if has_guard else [])


def test_nobody_takes_the_job_of_a_worker_that_stands_still_in_its_last_transaction(
    trial: ClusterTrial,
) -> None:
    """The row of the job is held until the commit, so the sweep leaves it."""
    trial.add("a 0 1")
    first = trial.start_worker()
    first.wait_until_said("wrote a")
    first.send(signal.SIGSTOP)
    heir = trial.start_worker()
    trial.add("b 0 0")
    heir.wait_until_said("ended b")
    trial.wait_until_stalled()
    trial.sweep()
    assert trial.jobs == ["doing"]
    first.send(signal.SIGCONT)
    trial.wait_until_done("a", "b")
    assert "ended a" in first.said


def test_a_job_that_ends_its_worker_each_time_is_given_up(trial: ClusterTrial) -> None:
    trial.add("bad 0 0 kill")
    with trial.ledger.writing_shard() as connection:  # as if it had happened nine times before
        connection.execute(
            text("update jobs.procrastinate_jobs set attempts = :attempts"),
            {"attempts": queued_jobs.MAX_TAKEOVERS - 1},
        )
    for left in (["todo"], ["failed"]):
        trial.start_worker().process.wait()
        trial.sweep_until(lambda: trial.jobs == left, f"{left}")  # noqa: B023
    with trial.ledger.reading() as connection:
        assert [job.key for job in queued_jobs.list_given_up(connection)] == ["bad 0 0 kill"]
    trial.add("bad 0 0 kill")  # the next look for what waits
    assert trial.jobs == ["failed"]


def test_a_worker_that_was_taken_for_dead_works_again(trial: ClusterTrial) -> None:
    """A newcomer deletes its row; the engine's worker ends with an error and is started anew."""
    first = trial.start_worker()
    trial.add("a 0 0")
    first.wait_until_said("ended a")
    first.send(signal.SIGSTOP)
    trial.wait_until_stalled()
    newcomer = trial.start_worker()
    trial.add("b 0 0")
    newcomer.wait_until_said("ended b")
    newcomer.send(signal.SIGTERM)
    newcomer.process.wait()
    first.send(signal.SIGCONT)
    trial.add("c 0 0")
    trial.wait_until_done("a", "b", "c")
    assert "ended c" in first.said


def test_sessions_that_are_ended_cost_no_job(trial: ClusterTrial) -> None:
    workers = [trial.start_worker(concurrency=4) for _ in range(2)]
    pieces = [f"p{number:02}" for number in range(40)]
    trial.add(*(f"{name} 0.1 0.02" for name in pieces))
    workers[0].wait_until_said_something("ended ")
    end_all_sessions(trial)
    trial.wait_until_done(*pieces)


def end_all_sessions(trial: ClusterTrial) -> None:
    """End every session of the database, as an administrator can."""
    ending = text(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    )
    with pytest.raises(DBAPIError), trial.ledger.engine.connect() as connection:
        connection.execute(ending)
