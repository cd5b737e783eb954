"""Ten come and ten go each second, one in ten of them without goodbye: every count and the memory return to where they were.
Only for SOAK seconds of that (SOAK=1800 is half an hour); without SOAK set, a few seconds in which all say goodbye."""
# deadline: 150

import asyncio
import json
import os
import sys

from scenario import check, counts, play, server_is_empty

SOAK = float(os.environ.get("SOAK", "0"))
PID = os.environ["THALWEG_PID"]
# What an allocator keeps for itself, in kilobytes: a leak of one session's state is far more after half an hour.
SLACK_KB = 16 * 1024
# A client that is silent is given up by its consent (30 s), and then has some seconds to come back.
VANISHED_SECONDS = 90


async def churn(seconds: float, vanish: int) -> dict:
    """Comes and goes, and tells the tester's report."""
    words = ["churn:10x5", "--stay", "3s", "--vanish", str(vanish), "--duration", f"{seconds:g}s", "--warmup", "1s"]
    command = [os.environ["THALWEG_BIN"], "load", *words, "--url", f"ws://127.0.0.1:{os.environ['THALWEG_PORT']}", "--json", "-", "--quiet"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    check(process.returncode == 0, f"the load tester ended with {process.returncode}")
    return json.loads(out)


def memory_kb() -> int:
    with open(f"/proc/{PID}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


async def scenario() -> str:
    fresh = counts()
    # What is allocated once for all must be there before it is measured.
    report = await churn(5 if SOAK == 0 else 20, 0)
    check(report["failed"] == 0, f"{report['failed']} failed: {report['reasons']}")
    server_is_empty(fresh)
    if SOAK == 0:
        return f"{report['ready']} came"
    before = memory_kb()
    report = await churn(SOAK, 10)
    # Who vanished does not count, and a busy machine lets them in more slowly.
    check(report["ready"] >= 8 * SOAK, f"only {report['ready']} came in {SOAK:g} s: {report['reasons']}")
    during = memory_kb()
    server_is_empty(fresh, VANISHED_SECONDS)
    after = memory_kb()
    print(f"RSS {before} kB before, {during} at the end, {after} after; {report['ready']} came", file=sys.stderr)
    check(after <= before + SLACK_KB, f"{after - before} kB more than before: {before}, {during}, {after}")
    return f"{report['ready']} came, {report['failed']} failed; RSS {before} kB before, {after} kB after"


play(scenario)
