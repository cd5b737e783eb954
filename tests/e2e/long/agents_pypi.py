"""A worker of LiveKit Agents itself, from PyPI, registers, gets the job of a room that begins, joins and is heard. Its first run
installs the library, some 400 MB, into an environment of its own beside the suite's."""
# deadline: 400

import asyncio
import os
import pathlib
import subprocess
import sys
import urllib.request

from livekit import rtc

from guest import Guest, until
from scenario import check, play

VERSION = "1.8.9"
HERE = pathlib.Path(__file__).parent.parent
VENV = HERE / "long/.venv"
STAMP = VENV / f".stamp-{VERSION}"


def install() -> None:
    if STAMP.exists():
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", f"livekit-agents=={VERSION}"], check=True)
    STAMP.touch()


def workers(port: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("thalweg_agent_workers "))


async def scenario() -> str:
    await asyncio.to_thread(install)
    port = os.environ["THALWEG_PORT"]
    known = {"LIVEKIT_URL": f"ws://127.0.0.1:{port}", "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"}
    worker = await asyncio.create_subprocess_exec(
        VENV / "bin/python", HERE / "lib/agent_worker.py", "start", env={**os.environ, **known}, stdout=sys.stderr, stderr=sys.stderr
    )
    try:
        await until("the worker is registered", lambda: workers(port) == 1, seconds=60, pause=0.2)
        async with Guest("ada") as ada:
            agents = lambda: [who for who in ada.room.remote_participants.values() if who.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT]
            await until("an agent joins", lambda: bool(agents()), seconds=60)
            identity = agents()[0].identity
            await ada.hears(identity, 440, seconds=40)
        check(worker.returncode is None, f"the worker ended with {worker.returncode}")
        return f"heard {identity.split('-')[0]}"
    finally:
        worker.terminate()
        await worker.wait()


play(scenario, empty=False)
