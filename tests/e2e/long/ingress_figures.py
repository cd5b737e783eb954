"""What an encoder's stream costs and how long it takes: 1080p30 at 4.5 Mb/s with AAC, passed through and transcoded to three layers.

    LONG=1 tests/e2e/run ingress_figures

The figures are printed, not judged: they depend on the machine, which should be quiet. FIGURES picks some of: passed, coded,
fast (1080p60), memory, start. A clip is made beforehand, the viewers of the cost do not decode: what is left is the server."""
# deadline: 600

import asyncio
import os
import time

from livekit import api

from cost import cores, memory_bytes
from encoder import Ingresses
from guest import Guest, token, until
from lips import delays, watch
from pusher import Pusher, Tag, clip, later
from scenario import check, play
from watcher import Watcher

WANTED = os.environ.get("FIGURES", "passed coded fast memory start").split()
CLIP_SECONDS = 12
MEASURED_SECONDS = 20
RATE = ("-b:v", "4500k", "-maxrate", "4500k", "-bufsize", "4500k")
# The preset of a creator's encoder, as far as this machine makes the clip in time.
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-pix_fmt", "yuv420p", *RATE)
CONNECTIONS = 20


FILMS: dict[tuple[int, int], list[Tag]] = {}


async def film(fps: int, bframes: int) -> list[Tag]:
    """Moving test picture with a flash in its corner every half second, and a beep with it; a key frame every two seconds."""
    if (fps, bframes) not in FILMS:
        FILMS[fps, bframes] = await painted(fps, bframes)
    return FILMS[fps, bframes]


async def painted(fps: int, bframes: int) -> list[Tag]:
    # The corner alone: pictures that are white as a whole would make those behind them as large as key frames.
    flash, corner = "lt(mod(t,0.5),0.1)", "drawbox=w=iw/8:h=ih/8:t=fill:color"
    return await clip(
        *("-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate={fps},{corner}=black,{corner}=white:enable='{flash}'"),
        *("-f", "lavfi", "-i", f"aevalsrc=exprs='0.5*sin(2*PI*1000*t)*{flash}':s=48000"),
        *("-t", str(CLIP_SECONDS), *X264, "-bf", str(bframes), "-g", str(fps * 2), "-c:a", "aac", "-b:a", "160k", "-ac", "2"),
    )


async def endless(pusher: Pusher, tags: list[Tag]) -> None:
    """Over and over; forms are told once."""
    await pusher.play(tags)
    media = [tag for tag in tags if not tag.is_config]
    turn = 0
    while True:
        turn += 1
        await pusher.play(later(media, turn * CLIP_SECONDS * 1000))


async def layers_watched(room: str) -> list[Guest]:
    """Three viewers, one of each layer: a layer that nobody watches is not made."""
    guests = []
    for quality in range(3):
        guest = await Guest(f"viewer{quality}", judge=False).join(token(f"viewer{quality}", room))
        await until("the picture is there", lambda: "obs" in guest.room.remote_participants and guest.sights.get("obs"), seconds=60)
        for publication in guest.room.remote_participants["obs"].track_publications.values():
            if publication.kind == 2:
                publication.set_video_quality(quality)
        guests.append(guest)
    # A layer that was not watched for a moment is given up after five seconds.
    await asyncio.sleep(8)
    return guests


async def stream(ingresses: Ingresses, name: str, fps: int, bframes: int, **options: object) -> str:
    """Processor time and delay of one stream."""
    tags = await film(fps, bframes)
    ingress = await ingresses.create(room=name, **options)
    idle = await cores(3)
    async with Pusher(ingress.url, ingress.stream_key) as pusher:
        playing = asyncio.create_task(endless(pusher, tags))
        if bframes:
            guests = await layers_watched(name)
            busy = await cores(MEASURED_SECONDS)
            seen = sorted(guest.sights["obs"].width for guest in guests)
            for guest in guests:
                await guest.leave()
        else:
            async with Watcher(name, decode=False) as watcher:
                await until("the picture comes", lambda: watcher.video.bytes > 1_000_000, seconds=60)
                before = watcher.video.bytes
                busy = await cores(MEASURED_SECONDS)
                seen = f"{(watcher.video.bytes - before) * 8 / MEASURED_SECONDS / 1e6:.1f} Mb/s"
        state = (await ingresses.one(ingress.ingress_id)).state
        playing.cancel()
    server, codecs = busy
    return f"{name}: {server + codecs:.3f} cores (server {server:.3f}, codecs {codecs:.3f}; before {sum(idle):.3f}), viewers get {seen}; it says: {state.error or 'nothing'}"


async def delay(ingresses: Ingresses, name: str, fps: int, bframes: int, **options: object) -> str:
    """From the encoder's last byte of a picture to its last packet at a viewer, in the middle and nearly the longest."""
    tags = await film(fps, bframes)
    ingress = await ingresses.create(room=f"{name}-delay", **options)
    async with Pusher(ingress.url, ingress.stream_key) as pusher:
        playing = asyncio.create_task(endless(pusher, tags))
        async with Watcher(f"{name}-delay") as watcher:
            try:
                await watch(watcher, 16, seconds=60)
            except AssertionError as few:
                return f"{name} delay: not measured, the machine is too slow or too busy ({few})"
            finally:
                playing.cancel()
            video, audio = delays(watcher, pusher)
    middle = lambda all_, part: f"{sorted(all_)[int(len(all_) * part)] * 1000:.0f}" if all_ else "?"
    return f"{name} delay: video {middle(video, 0.5)} ms (p90 {middle(video, 0.9)}), audio {middle(audio, 0.5)} ms (p90 {middle(audio, 0.9)})"


async def memory(ingresses: Ingresses) -> str:
    """Of connections that publish 1080p, each into a room of its own."""
    tags = await film(30, 0)
    made = [await ingresses.create(room=f"memory{n}") for n in range(CONNECTIONS)]
    before = memory_bytes()
    pushers = [await Pusher(it.url, it.stream_key).__aenter__() for it in made]
    playing = [asyncio.create_task(endless(it, tags)) for it in pushers]
    await asyncio.sleep(15)
    after = memory_bytes()
    for task, pusher in zip(playing, pushers):
        task.cancel()
        await pusher.__aexit__()
    return f"memory: {(after - before) / CONNECTIONS / 2**20:.2f} MiB for each of {CONNECTIONS} streams, with room and ring"


async def start(ingresses: Ingresses) -> str:
    """From the encoder's first byte to the first picture that a waiting viewer has decoded, with a key frame every two seconds."""
    tags = await film(30, 0)
    took = []
    for turn in range(5):
        ingress = await ingresses.create(room=f"start{turn}")
        guest = await Guest("ada", judge=False).join(token("ada", f"start{turn}"))
        began = time.monotonic()
        async with Pusher(ingress.url, ingress.stream_key) as pusher:
            playing = asyncio.create_task(pusher.play(tags))
            await until("a picture comes", lambda: guest.sights.get("obs") and guest.sights["obs"].frames > 0, pause=0.005)
            took.append(time.monotonic() - began)
            playing.cancel()
        await guest.leave()
    return f"start: first picture after {sorted(took)[2]:.2f} s (longest {max(took):.2f})"


async def scenario() -> str:
    layers = api.IngressVideoOptions(preset=api.IngressVideoEncodingPreset.H264_1080P_30FPS_3_LAYERS)
    notes = []
    async with Ingresses() as ingresses:
        if "passed" in WANTED:
            notes += [await stream(ingresses, "passed", 30, 0), await delay(ingresses, "passed", 30, 0)]
        if "coded" in WANTED:
            notes += [await stream(ingresses, "coded", 30, 2, video=layers), await delay(ingresses, "coded", 30, 2, video=layers)]
        if "fast" in WANTED:
            notes += [await stream(ingresses, "fast", 60, 0), await stream(ingresses, "fast, coded", 60, 2, video=layers)]
        if "memory" in WANTED:
            notes += [await memory(ingresses)]
        if "start" in WANTED:
            notes += [await start(ingresses)]
    check(notes, "FIGURES names none")
    return "\n   ".join(["", *notes])


play(scenario, empty=False)
