"""A program gets exactly what it was given, and nothing of it outlives its run."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shared.process import (
    ArgumentsTooLong,
    Jail,
    Limits,
    OutputTooLarge,
    ProgramFailed,
    ProgramMissing,
    ProgramNotStarted,
    ProgramTimeout,
    find_program,
    jail_available,
    run,
)

SHELL = "/bin/sh"
LONG = timedelta(seconds=60)


async def shell(script, cwd, *, env=None, timeout=LONG, limits=None, **options):
    return await run(
        [SHELL, "-c", script], cwd=cwd, env=env or {}, timeout=timeout, limits=limits or Limits(), **options
    )


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until_gone(pid):
    async with asyncio.timeout(30):
        while alive(pid):  # noqa: ASYNC110 - a process of somebody else can't be waited for
            await asyncio.sleep(0.01)


async def test_returns_both_outputs_and_the_exit_code(tmp_path):
    done = await shell("echo out; echo err >&2; exit 3", tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


async def test_inherits_nothing_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_SECRET", "hidden")
    done = await run(["/usr/bin/env"], cwd=tmp_path, env={"ONLY": "this"}, timeout=LONG, limits=Limits())
    assert done.stdout == b"ONLY=this\n"


async def test_reads_input_larger_than_a_pipe(tmp_path):
    data = os.urandom(1 << 20)
    done = await run(["/bin/cat"], cwd=tmp_path, env={}, timeout=LONG, limits=Limits(), stdin=data)
    assert done.stdout == data


async def test_runs_in_the_given_directory(tmp_path):
    assert (await shell("pwd", tmp_path)).stdout.strip() == os.fsencode(tmp_path)


async def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(ProgramMissing, match="no-such-program"):
        await run(["/bin/no-such-program"], cwd=tmp_path, env={}, timeout=LONG, limits=Limits())
    with pytest.raises(ProgramMissing, match="no-such-program"):
        find_program("no-such-program")


async def test_arguments_that_are_too_long_are_told_but_not_repeated(tmp_path):
    with pytest.raises(ArgumentsTooLong) as failed:
        await run(["/bin/true", "s3cret" * 100_000], cwd=tmp_path, env={}, timeout=LONG, limits=Limits())
    assert str(failed.value) == "true can't be started: its arguments are too long"


async def test_a_program_that_the_system_refuses_is_told(tmp_path):
    program = tmp_path / "program"
    program.write_text("no program")
    program.chmod(0o700)
    with pytest.raises(ProgramNotStarted, match="program can't be started: Exec format error"):
        await run([program], cwd=tmp_path, env={}, timeout=LONG, limits=Limits())


async def test_a_missing_directory_is_not_taken_for_a_missing_program(tmp_path):
    with pytest.raises(FileNotFoundError):
        await shell("true", tmp_path / "gone")


async def test_a_failure_tells_the_end_of_the_error_output_without_arguments(tmp_path):
    with pytest.raises(ProgramFailed) as failed:
        await shell("echo very bad >&2; exit 4 # s3cret", tmp_path)
    assert str(failed.value) == "sh failed with exit code 4: very bad"
    assert failed.value.returncode == 4


async def test_the_error_output_passes_the_redaction(tmp_path):
    with pytest.raises(ProgramFailed) as failed:
        await shell("echo token=abc >&2; exit 1", tmp_path, redact=lambda text: text.replace("abc", "***"))
    assert "token=***" in str(failed.value)


async def test_a_signal_is_named(tmp_path):
    with pytest.raises(ProgramFailed, match="was ended by SIGTERM"):
        await shell("kill -TERM $$", tmp_path)


async def test_only_the_end_of_a_long_error_output_is_kept(tmp_path):
    done = await shell("seq 1 20000 >&2", tmp_path, limits=Limits(stderr=6))
    assert done.stderr == b"20000\n"


async def test_too_much_output_ends_the_program(tmp_path):
    with pytest.raises(OutputTooLarge, match="more than 1000 bytes"):
        await shell("while :; do echo many words; done", tmp_path, limits=Limits(stdout=1000))


async def test_the_time_limit_kills_the_whole_group(tmp_path):
    marker = tmp_path / "pid"
    with pytest.raises(ProgramTimeout, match=r"within 3s"):
        await shell(f"sleep 600 & echo $! > {marker}; wait", tmp_path, timeout=timedelta(seconds=3))
    await until_gone(int(marker.read_text()))


async def test_cancelling_kills_the_whole_group(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    running = asyncio.create_task(shell(f"sleep 600 & echo $! > {pipe}; wait", tmp_path))
    child = int(await asyncio.to_thread(pipe.read_text))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until_gone(child)


async def test_cancelling_before_the_start_leaves_nothing(tmp_path):
    running = asyncio.create_task(shell(f"sleep 1; touch {tmp_path}/late", tmp_path))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_children_left_behind_are_killed_at_the_end(tmp_path):
    done = await shell("sleep 600 & echo $!", tmp_path)
    await until_gone(int(done.stdout))


async def test_the_size_of_written_files_is_limited(tmp_path):
    # Limits arrive right after the start, so the program waits for them.
    script = "while [ $(ulimit -f) = unlimited ]; do :; done; head -c 100000 /dev/zero > big"
    await shell(script, tmp_path, limits=Limits(file_size=4096), check=False)
    assert (tmp_path / "big").stat().st_size <= 4096


async def test_memory_is_limited(tmp_path):
    # Limits arrive right after the start, so the program waits for them.
    script = """if True:
        import resource
        while (bound := resource.getrlimit(resource.RLIMIT_AS)[0]) == resource.RLIM_INFINITY: pass
        print(bound)
    """
    done = await run(
        [sys.executable, "-c", script], cwd=tmp_path, env={}, timeout=LONG, limits=Limits(memory=2 << 30)
    )
    assert int(done.stdout) == 2 << 30


def test_a_jail_is_available_where_tests_run():
    assert jail_available()


async def test_a_jail_hides_what_is_not_listed(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "file").write_text("seen")
    (outside / "file").write_text("hidden")
    (inside / "link").symlink_to(outside / "file")
    jail = Jail(read=(inside,))
    script = f"cat file; cat ../outside/file; cat {outside}/file; cat link; echo x > new"
    done = await shell(script, inside, env={"PATH": "/bin:/usr/bin"}, jail=jail, check=False)
    assert done.stdout == b"seen"
    assert not (inside / "new").exists()


async def test_a_jail_allows_writing_where_asked_only(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    jail = Jail(write=(scratch,))
    await shell(f"echo x > {scratch}/new; echo y > {tmp_path}/new || true", scratch, jail=jail, check=False)
    assert (scratch / "new").read_text() == "x\n"
    assert not (tmp_path / "new").exists()


async def test_a_jail_binds_the_program_and_not_its_starter(tmp_path):
    await shell("true", tmp_path, jail=Jail(read=(tmp_path,)))
    (tmp_path / "mine").write_text("still writable")
    assert await asyncio.to_thread((tmp_path / "mine").read_text) == "still writable"
