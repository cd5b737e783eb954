"""What the server and its children cost: processor time and memory, from /proc."""

import asyncio
import os
import pathlib
import time

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SERVER = int(os.environ.get("THALWEG_PID", "0"))


def stat(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` behind the name, or none."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except FileNotFoundError:
        return []


def family() -> list[int]:
    """The server and its children."""
    children = [int(it.name) for it in pathlib.Path("/proc").iterdir() if it.name.isdigit() and stat(int(it.name))[1:2] == [str(SERVER)]]
    return [SERVER, *children]


def cpu_seconds() -> tuple[float, float]:
    """Of the server, and of its children, those that were waited for among them."""
    server, *children = [stat(pid) for pid in family()]
    own = sum(int(it) for it in server[11:13])
    theirs = sum(int(it) for it in server[13:15]) + sum(int(it) for child in children for it in child[11:13])
    return own * TICK_SECONDS, theirs * TICK_SECONDS


def memory_bytes() -> int:
    """Resident memory of the server alone."""
    return int(stat(SERVER)[21]) * PAGE_BYTES


async def cores(seconds: float) -> tuple[float, float]:
    """Processor cores that the server keeps busy, and its children."""
    began, before = time.monotonic(), cpu_seconds()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    server, children = (after - earlier for after, earlier in zip(cpu_seconds(), before))
    return server / took, children / took
