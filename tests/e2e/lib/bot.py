"""A Python participant for scenarios with browsers.

    bot.py IDENTITY HERTZ WATCHED HEARD_HERTZ [FRAMES]

Publishes the known picture and a tone of HERTZ; watches FRAMES (20) of the bars of WATCHED and listens for HEARD_HERTZ; prints one JSON
line when each is right, and stays until its standard input ends.
"""

import asyncio
import json
import os
import sys

from guest import Guest


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


async def main(identity: str, hertz: str, watched: str, heard: str, frames: str = "20") -> None:
    guest = await Guest(identity).join()
    say(joined=identity)
    await guest.show()
    await guest.sing(float(hertz))
    say(published=True)
    try:
        sight = await guest.sees(watched, frames=int(frames), seconds=40)
        say(saw=watched, width=sight.width, height=sight.height)
        sound = await guest.hears(watched, float(heard), seconds=40)
        say(heard=round(sound.tone()[0]))
    except AssertionError as error:
        say(error=str(error))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await guest.leave()
    say(left=True)
    os._exit(0)


asyncio.run(main(*sys.argv[1:6]))
