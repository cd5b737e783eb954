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
        note = asyncio.run(scenario())
        if empty:
            server_is_empty()
        result = {"note": note or ""}
    except BaseException as error:  # a scenario may end in any way; the suite must hear of it
        traceback.print_exc()
        result = {"error": (str(error) or repr(error)).splitlines()[0]}
    print(f"RESULT {json.dumps(result)}", flush=True)
    os._exit(0)


def held(counts: dict, path: str = "") -> list[str]:
    """The gauges that are not zero. Totals (`..._total`) only rise and do not count."""
    left = []
    for key, value in counts.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            left += held(value, name)
        elif isinstance(value, (int, float)) and value != 0 and not key.endswith("_total"):
            left.append(f"{name}={value}")
    return left


def counts() -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['THALWEG_PORT']}/debug/counts", timeout=5) as answer:
        return json.load(answer)


def server_is_empty(seconds: float = 30) -> None:
    """Waits until the server holds nothing."""
    end = time.monotonic() + seconds
    while left := held(counts()):
        if time.monotonic() > end:
            raise AssertionError(f"the counts at /debug/counts do not return to zero: {' '.join(left)}")
        time.sleep(0.1)


def check(truth: object, text: str) -> None:
    if not truth:
        raise AssertionError(text)


if __name__ == "__main__":
    sys.exit("this is the frame of the scenarios; start tests/e2e/run")
