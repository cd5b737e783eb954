"""Junk at the media port during a call: random bytes, broken STUN, DTLS and RTP do not disturb it."""

import asyncio
import os
import random
import socket
import struct
import time

from guest import Guest, brief
from scenario import check, play

SECONDS = 8
GAP_MAX = 1.0


def junk(dice: random.Random) -> bytes:
    """One datagram of a kind that the server must tell from media by its first byte, and drop."""
    body = dice.randbytes(dice.choice([0, 1, 3, 11, 19, 60, 300, 1200, 1472]))
    kind = dice.randrange(6)
    if kind == 0:
        return body
    if kind == 1:  # STUN binding request, length wrong, unknown user name
        return struct.pack("!HHI", 1, dice.randrange(65536), 0x2112A442) + dice.randbytes(12) + body
    if kind == 2:  # STUN with a well-formed length, attributes of noise
        body = body[: len(body) // 4 * 4]
        return struct.pack("!HHI", 1, len(body), 0x2112A442) + dice.randbytes(12) + body
    if kind == 3:  # DTLS handshake record
        return struct.pack("!BHHIHH", 22, 0xFEFD, 0, 0, dice.randrange(65536), dice.randrange(65536)) + body
    if kind == 4:  # SRTP
        return struct.pack("!BBHII", 0x80, dice.randrange(256), dice.randrange(65536), dice.randrange(2**32), dice.randrange(2**32)) + body
    return struct.pack("!BBHI", 0x80, dice.choice([200, 201, 205, 206]), dice.randrange(65536), dice.randrange(2**32)) + body


async def throw(port: int, seconds: float) -> int:
    dice, sent, end = random.Random(20261121), 0, time.monotonic() + seconds
    hands = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    while time.monotonic() < end:
        for hand in hands:
            for _ in range(5):
                hand.sendto(junk(dice), ("127.0.0.1", port))
                sent += 1
        await asyncio.sleep(0.01)
    return sent


async def scenario() -> str:
    async with Guest("ada") as ada, Guest("bob") as bob:
        await ada.show()
        await ada.sing(440)
        sight = await bob.sees("ada", width=640)
        await bob.hears("ada", 440)
        sight.fresh()
        wrong, frames = sight.wrong, sight.frames
        sent = await throw(int(os.environ["THALWEG_UDP"]), SECONDS)
        check(sight.gap <= GAP_MAX, f"the picture stood still for {sight.gap * 1000:.0f} ms ({brief(sight)})")
        check(sight.wrong - wrong <= 2, f"{sight.wrong - wrong} wrong pictures: {brief(sight)}")
        check(sight.frames - frames >= SECONDS * 15 * 0.6, f"{sight.frames - frames} frames in {SECONDS} s")
        await bob.hears("ada", 440)
        async with Guest("cid") as cid:
            await cid.sees("ada", width=640)
        return f"{sent} datagrams of junk, largest gap {sight.gap * 1000:.0f} ms"


play(scenario)
