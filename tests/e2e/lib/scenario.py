"""The frame of one Python scenario: runs it, checks that the server is empty afterwards, prints one RESULT line."""

import asyncio
import json
import os
import sys
import time
import traceback
import urllib.request


def play(scenario, empty: bool = True) -> None:
    """Runs `scenario()`, a coroutine function whose answer is a note. The result is written before anything is torn down,
    because the SDK's native library may not survive its own end."""
    try:
        fresh = counts() if empty else {}
        note = asyncio.run(scenario())
        if empty:
            server_is_empty(fresh)
        result = {"note": note or ""}
    except BaseException as error:  # a scenario may end in any way; the suite must hear of it
        traceback.print_exc()
        result = {"error": (str(error) or repr(error)).splitlines()[0]}
    print(f"RESULT {json.dumps(result)}", flush=True)
    os._exit(0)


def held(now: dict[str, int], fresh: dict[str, int]) -> list[str]:
    """The gauges above those of a fresh server, which has only its idle tasks. Totals (`..._total`) do not count."""
    return [f"{name}={value}" for name, value in now.items() if not name.endswith("_total") and value > fresh.get(name, 0)]


def counts() -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['THALWEG_PORT']}/debug/counts", timeout=5) as answer:
        return json.load(answer)


def server_is_empty(fresh: dict[str, int], seconds: float = 30) -> None:
    """Waits until the server holds no more than when it was fresh."""
    end = time.monotonic() + seconds
    while left := held(counts(), fresh):
        if time.monotonic() > end:
            raise AssertionError(f"the counts at /debug/counts stay above those of a fresh server: {' '.join(left)}")
        time.sleep(0.1)


def check(truth: object, text: str) -> None:
    if not truth:
        raise AssertionError(text)


if __name__ == "__main__":
    sys.exit("this is the frame of the scenarios; start tests/e2e/run")
