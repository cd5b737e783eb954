"""Bad tokens are refused in the Python SDK at once and with the server's words."""

import time

from livekit import rtc

from guest import Guest, token
from scenario import check, play

# A refusal is final: the SDK must not spend its retries on it. Seconds.
REFUSAL_MAX = 5.0


async def scenario() -> None:
    cases = {
        "not a token": "rubbish",
        "wrong secret": token("mallory", secret="another-secret"),
        "foreign key": token("mallory", key="APIforeign"),
        "expired": token("mallory", ttl=-3600),
    }
    for what, jwt in cases.items():
        began = time.monotonic()
        try:
            await Guest("mallory").join(jwt)
        except rtc.ConnectError as error:
            print(what, "->", error.message)
            check("401" in error.message or "unauthorized" in error.message.lower() or "token" in error.message.lower() or "API key" in error.message, f"{what}: {error.message}")
        else:
            raise AssertionError(f"{what}: joined")
        took = time.monotonic() - began
        check(took <= REFUSAL_MAX, f"{what}: the refusal took {took:.1f} s")


play(scenario)
