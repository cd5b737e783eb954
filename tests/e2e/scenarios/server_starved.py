"""A server that gets no more files and no more room on its disk says so, and nobody in a call notices; when there is some again,
it goes on by itself."""

import asyncio
import os
import pathlib
import resource
import socket
import tempfile

from livekit import api

from encoder import Ingresses
from guest import Guest
from own_server import OwnServer
from scenario import check, play

# Files that may still be opened, and connections that are tried.
LEFT, TRIED = 4, 40
# A disk of its own for the store, in a namespace that ends with the server. Who is not root is so in a namespace of users.
SPACES = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
DISK = ["sh", "-ec", 'mount -t tmpfs -o size=4m none "$0" && exec "$@"']


async def scenario() -> str:
    with tempfile.TemporaryDirectory() as folder:
        with OwnServer("--store.path", folder, within=["unshare", *SPACES, *DISK, folder]) as server:
            os.environ["THALWEG_PORT"] = str(server.port)
            async with Guest("ada") as ada, Guest("bob") as bob:
                await ada.show()
                await bob.sees("ada", frames=20)
                await without_files(server, bob)
                await without_disk(server, folder, bob)
                async with Guest("cid") as cid:
                    await cid.sees("ada", frames=10)
    return "no files and no disk for a while"


async def without_files(server: OwnServer, bob: Guest) -> None:
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    held = len(os.listdir(f"/proc/{server.pid}/fd"))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (held + LEFT, before[1]))
    crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(TRIED)]
    await bob.sees("ada", frames=20)
    opened = len(os.listdir(f"/proc/{server.pid}/fd"))
    check(opened <= held + LEFT, f"{opened} files are open of {held + LEFT}")
    for each in crowd:
        each.close()
    # Whoever waited is let in as soon as others have gone, with no more files than before.
    async with api.LiveKitAPI(f"http://127.0.0.1:{server.port}", "devkey", "secret") as admin:
        rooms = await asyncio.wait_for(admin.room.list_rooms(api.ListRoomsRequest()), 15)
    check([room.name for room in rooms.rooms] == ["river"], f"the rooms are {rooms}")
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)


async def without_disk(server: OwnServer, folder: str, bob: Guest) -> None:
    # The disk as the server sees it.
    ballast = pathlib.Path(f"/proc/{server.pid}/root{folder}/ballast")
    async with Ingresses() as ingresses:
        kept = await ingresses.create("kept")
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
        refused = None
        for number in range(200):
            try:
                # What was written before may have left some pages.
                await ingresses.create(f"more-{number}")
            except api.TwirpError as error:
                refused = error
                break
        check(refused is not None and refused.status >= 500, f"a full disk is answered with {refused}")
        await bob.sees("ada", frames=20)
        ballast.unlink()

        async def works() -> bool:
            try:
                return bool((await ingresses.create("again")).ingress_id)
            except api.TwirpError:
                return False

        made = False
        for _ in range(100):
            if made := await works():
                break
            await asyncio.sleep(0.1)
        check(made, "the store does not go on when there is room again")
        check(await ingresses.one(kept.ingress_id) is not None, "what was kept before is gone")


play(scenario, empty=False)
