"""What browsers cannot show as it is: B-frames and AAC, as OBS sends them by default. What it cost is told of the stream, of its
participant and of the room, once each has ended."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from encoder import Encoder, Ingresses
from guest import Guest, until
from own_server import OwnServer
from scenario import check, play


class Hooks(BaseHTTPRequestHandler):
    """Keeps what was transcoded, by the event that told it."""

    told: dict[str, dict[str, float] | None] = {}

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # Ada's end tells nothing of the encoder's.
        if event.get("participant", {}).get("identity") != "ada":
            self.told[event["event"]] = event.get("transcode")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


async def scenario() -> str:
    back_end = ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    threading.Thread(target=back_end.serve_forever, daemon=True).start()
    with OwnServer("--webhook.urls", f"http://127.0.0.1:{back_end.server_port}/hook") as server:
        os.environ["THALWEG_PORT"] = str(server.port)
        await stream()
        await until("the room's end is told", lambda: "room_finished" in Hooks.told, lambda: Hooks.told)
    costs = [Hooks.told.get(event) for event in ("ingress_ended", "participant_left", "room_finished")]
    check(all(costs), f"it cost {Hooks.told}")
    # Pictures and sound are counted apart: some seven seconds of each were watched.
    check(all(it["seconds"] > 8 and 0 < it["cpuSeconds"] < it["seconds"] for it in costs), f"it cost {costs}")
    check(costs[1] == costs[2], f"the room's cost is not that of its only encoder: {costs}")
    return f"{costs[2]}"


async def stream() -> None:
    video = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2")
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        async with Encoder(ingress.url, ingress.stream_key, video=video, audio=("-c:a", "aac", "-ar", "44100")):
            await ada.sees("obs", frames=30, seconds=40)
            await ada.hears("obs", 440, seconds=40)
            state = (await ingresses.one(ingress.ingress_id)).state
            check("transcoding" in state.error, f"nothing is said about it: {state.error!r}")
            check(state.audio.mime_type == "audio/aac", f"told as {state.audio}")
            # Sizes that nobody watches are given up after five seconds: this one is watched.
            await ada.sees("obs", frames=90, seconds=40)
        await until("it leaves", lambda: "obs" not in ada.room.remote_participants)


play(scenario, empty=False)
