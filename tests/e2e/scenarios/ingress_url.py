"""An ingress of a URL: FLV over HTTP, behind a redirect, that breaks off once and comes to its end. Addresses that are not of the
public internet are pulled only where the operator lets them, and what is no FLV is refused by name."""

import asyncio
import os

from livekit import api

from encoder import Ingresses
from guest import Guest, until
from own_server import OwnServer
from pusher import film
from scenario import check, play

SECONDS = 3
NOWHERE = "http://169.254.169.254/latest/meta-data"


class Origin:
    """A server of files and of what strangers' servers do."""

    def __init__(self, data: bytes) -> None:
        self._data, self.asked = data, []

    async def __aenter__(self) -> "Origin":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        whole = len(self._data)
        redirects = {"/moved": "/live.flv?token=1", "/round": "/round", "/inside": NOWHERE}
        kinds = {"/page": "text/html", "/film": "application/octet-stream"}
        if path in redirects:
            head, body = f"302 Found\r\nLocation: {redirects[path]}\r\nContent-Length: 0", b""
        elif path in kinds:
            head, body = f"200 OK\r\nContent-Type: {kinds[path]}\r\nContent-Length: 9", b"#EXTM3U\n\n"
        elif path == "/none":
            head, body = "404 Not Found\r\nContent-Length: 0", b""
        else:
            # The first time it breaks off in the middle.
            part = whole // 2 if self.asked.count(path) == 1 else whole
            head, body = f"200 OK\r\nContent-Type: video/x-flv\r\nContent-Length: {whole}", self._data[:part]
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


async def scenario() -> None:
    data = await film(
        *("-f", "lavfi", "-i", "smptebars=size=320x180:rate=15", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"),
        *("-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "15", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )
    url = {"input_type": api.IngressInput.URL_INPUT}
    async with Origin(data) as origin:
        async with Ingresses() as careful:
            kept_out = await careful.create(**url, url=f"{origin.url}/live.flv")

            async def careful_says(what: str) -> None:
                for _ in range(100):
                    state = (await careful.one(kept_out.ingress_id)).state
                    if state.status == api.IngressState.ENDPOINT_ERROR and what in state.error:
                        return
                    await asyncio.sleep(0.05)
                raise AssertionError(f"it is told as {state}")

            await careful_says("not one of the public internet")
            check(not origin.asked, f"a private address was asked for {origin.asked}")
            await careful.delete(kept_out.ingress_id)
        with OwnServer("--ingress.url_private") as server:
            os.environ["THALWEG_PORT"] = str(server.port)
            async with Ingresses() as ingresses, Guest("ada", judge=False) as ada:

                async def ends(ingress_id: str, status: int, words: str) -> None:
                    for _ in range(200):
                        state = (await ingresses.one(ingress_id)).state
                        if state.status == status and words in state.error:
                            return
                        await asyncio.sleep(0.05)
                    raise AssertionError(f"{words or status} is told as {state}")

                pulled = await ingresses.create("film", **url, url=f"{origin.url}/moved")
                check((pulled.stream_key, pulled.reusable) == ("", False), f"it is {pulled}")
                await ada.sees("film", frames=10, width=320)
                others = {
                    "/page": "a page cannot be pulled",
                    "/film": "an HLS playlist cannot be pulled",
                    "/none": "404",
                    "/round": "redirect",
                    "/inside": "not one of the public internet",
                }
                for path, words in others.items():
                    other = await ingresses.create(path[1:], **url, url=f"{origin.url}{path}")
                    await ends(other.ingress_id, api.IngressState.ENDPOINT_ERROR, words)
                # What broke off is asked for again, redirect and all, and the viewer sees the same participant.
                await ada.sees("film", frames=15 * SECONDS // 2)
                await ends(pulled.ingress_id, api.IngressState.ENDPOINT_COMPLETE, "")
                check(origin.asked.count("/moved") == 2, f"asked for {origin.asked}")
                await until("it leaves", lambda: "film" not in ada.room.remote_participants)
                check(ada.events.count("participant_connected") == 1, f"events {ada.events}")
                for wrong in ("srt://127.0.0.1:9000", "http://ann:secret@127.0.0.1/", "no URL"):
                    try:
                        await ingresses.create(**url, url=wrong)
                    except api.TwirpError as refused:
                        check(refused.code == "invalid_argument", f"{wrong} is answered {refused}")
                    else:
                        raise AssertionError(f"{wrong} is taken")


play(scenario, empty=False)
