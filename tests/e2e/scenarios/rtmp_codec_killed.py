"""kill -9 and SIGSTOP of one stream's codecs: a short freeze of that stream, which the ingress tells; the other stream's codecs
and the room never notice. The codecs' processes may do nothing but code."""

import os
import pathlib
import signal
import subprocess
import time

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


def children() -> set[int]:
    found = subprocess.run(["pgrep", "-P", os.environ["THALWEG_PID"]], capture_output=True, text=True, check=False)
    return {int(pid) for pid in found.stdout.split()}


def is_confined(pid: int) -> None:
    proc = pathlib.Path("/proc") / str(pid)
    limits = {line[:25].strip(): line[26:].split()[1] for line in (proc / "limits").read_text().splitlines()[1:]}
    check(limits["Max address space"] == str(1 << 30) and limits["Max file size"] == "0", f"limits {limits}")
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    check((status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), f"NoNewPrivs {status['NoNewPrivs']}, Seccomp {status['Seccomp']}")
    check((proc / "environ").read_bytes() == b"", "it has an environment")
    nice = int((proc / "stat").read_text().rsplit(") ", 1)[1].split()[16])
    check(nice >= 5, f"nice {nice}")


async def scenario() -> str:
    video = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress, other = await ingresses.create(), await ingresses.create("cam")
        async with (
            Encoder(ingress.url, ingress.stream_key, video=video, audio=("-c:a", "aac")),
            Encoder(other.url, other.stream_key, video=video, audio=("-c:a", "aac")),
        ):
            await ada.sees("obs", frames=5, seconds=40)
            await ada.sees("cam", frames=5, seconds=40)
            before = children()
            check(len(before) == 4, f"codec processes: {before}")
            for pid in before:
                is_confined(pid)
            took = []
            for blow in (signal.SIGKILL, signal.SIGSTOP):
                mine = min(before)
                os.kill(mine, blow)
                began = time.monotonic()
                await until("another takes its place", lambda: len(children()) == 4 and mine not in children())
                took.append(time.monotonic() - began)
                check(children() >= before - {mine}, "a process of another stream was replaced")
                before = children()
                await ada.sees("obs", frames=10)
                await ada.sees("cam", frames=10)
            remarks = [(await ingresses.one(it.ingress_id)).state.error for it in (ingress, other)]
            check(sum("restarted" in remark for remark in remarks) >= 1, f"nothing is said of it: {remarks}")
            check(ada.events.count("participant_disconnected") == 0, f"events {ada.events}")
        await until("they leave", lambda: not ada.room.remote_participants)
        await until("their codecs end", lambda: not children())
        return f"another after {took[0]:.2f} s when killed, {took[1]:.2f} s when stopped"


play(scenario)
