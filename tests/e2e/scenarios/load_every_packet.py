"""The load tester against the server: all join, every packet arrives once, unharmed and in order; wrong input gets a line."""

import asyncio
import json
import os

from scenario import check, play

VIEWERS, LISTENERS, SPEAKERS, PARTICIPANTS = 20, 5, 2, 3
ALL = 1 + VIEWERS + SPEAKERS + LISTENERS + PARTICIPANTS
# Each viewer one, each speaker the other, each listener both, each participant picture and sound of the others.
TRACKS = VIEWERS + SPEAKERS * (SPEAKERS - 1) + LISTENERS * SPEAKERS + PARTICIPANTS * (PARTICIPANTS - 1) * 2


async def load(*words: str, port: str | None = None) -> tuple[int, str, str]:
    url = f"ws://127.0.0.1:{port or os.environ['THALWEG_PORT']}"
    command = [os.environ["THALWEG_BIN"], "load", *words, "--url", url, "--quiet"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def a_mix() -> str:
    words = [f"livestream:{VIEWERS}", f"audio-room:{SPEAKERS}x{LISTENERS}", f"meeting:{PARTICIPANTS}"]
    more = ["--duration", "3s", "--warmup", "500ms", "--joins", "100", "--server-pid", os.environ["THALWEG_PID"]]
    status, out, error = await load(*words, *more, "--strict", "--json", "-")
    report = json.loads(out) if out else {}
    check(status == 0, f"status {status}: {error} {report.get('reasons')} {report.get('counts')}")
    counts = report["counts"]
    check((report["ready"], report["failed"]) == (ALL, 0), f"{report['ready']} of {ALL} ready: {report['reasons']}")
    heard = (report["tracks_announced"], report["tracks_received"])
    check(heard == (TRACKS, TRACKS), f"tracks announced and received: {heard}, not {TRACKS}")
    for fault in ["lost", "duplicates", "hidden", "damaged", "unauthentic", "mixed"]:
        check(counts[fault] == 0, f"{counts[fault]} {fault}")
    check(counts["sampled"] > 100, f"only {counts['sampled']} packets were read in full")
    check(report["server"]["cpu_us_per_packet"] > 0, "no CPU time of the server was seen")
    return f"{report['packets']} packets to {ALL}, latency p50 {report['latency_ms']['p50']:.2f} ms"


async def wrong_input() -> None:
    for words, port, wanted in [
        (["livestream:2", "--api-secret", "wrong"], None, "check --api-key and --api-secret"),
        (["livestream:2"], "1", "no server answers at ws://127.0.0.1:1"),
        (["stream:2"], None, "`stream:2` is not known"),
        (["livestream:2", "--server-pid", "4000000000"], None, "process 4000000000 cannot be measured"),
    ]:
        status, out, error = await load(*words, port=port)
        check(status == 1 and not out, f"{words}: status {status}, {out}")
        check(wanted in error and error.count("\n") == 1, f"{words}: {error}")


async def scenario() -> str:
    await wrong_input()
    return await a_mix()


play(scenario)
