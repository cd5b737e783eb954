"""One participant of the Python SDK: publishes the known picture and tone, and keeps account of what it gets."""

import asyncio
import datetime
import os
import time
from dataclasses import dataclass, field

import numpy as np
from livekit import api, rtc

from pattern import Picture, Tone, bars_fault, loudest, moves, number_of

RATE = 48_000
# The sound that is kept for listening to it: the last second.
KEPT_SAMPLES = RATE
# Sound goes and comes in pieces of this length: with the SDK's ten milliseconds, ten people who hear each other keep a core busy
# with nothing but handing pieces over.
PIECE_MS = 100
# A piece whose mean power is below this is quiet: a tenth of the amplitude that `Tone` plays.
QUIET_POWER = (16_000 / 10) ** 2 / 2
# What signs the tokens; the suite gives a server that is reached from beyond loopback a longer one.
SECRET = os.environ.get("THALWEG_SECRET", "secret")


def url() -> str:
    return f"ws://127.0.0.1:{os.environ['THALWEG_PORT']}"


def token(identity: str, room: str = "river", key: str = "devkey", secret: str = SECRET, ttl: int = 600, **grants: object) -> str:
    """A token as an app's back end would mint it; `ttl` in seconds, negative for an expired one."""
    return (
        api.AccessToken(key, secret)
        .with_identity(identity)
        .with_name(identity)
        .with_ttl(datetime.timedelta(seconds=ttl))
        .with_grants(api.VideoGrants(room_join=True, room=room, **grants))
        .to_jwt()
    )


@dataclass
class Sight:
    """What came of one remote picture."""

    frames: int = 0
    width: int = 0
    height: int = 0
    wrong: int = 0
    fault: str | None = None
    numbers: list[int] = field(default_factory=list)
    last: float = 0.0
    gap: float = 0.0

    def take(self, event: rtc.VideoFrameEvent, judge: bool) -> None:
        now, frame = time.monotonic(), event.frame
        if self.frames > 0:
            self.gap = max(self.gap, now - self.last)
        self.last, self.frames = now, self.frames + 1
        self.width, self.height = frame.width, frame.height
        if judge:
            fault = bars_fault(frame.data, frame.width, frame.height)
            self.wrong += fault is not None
            self.fault = fault
            self.numbers.append(number_of(frame.data, frame.width, frame.height))

    def fresh(self) -> None:
        """Begins the account of gaps anew."""
        self.gap = 0.0


@dataclass
class Sound:
    """What came of one remote sound."""

    samples: int = 0
    quiet: float = 0.0
    longest_quiet: float = 0.0
    kept: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))

    def take(self, frame: rtc.AudioFrame) -> None:
        piece = np.frombuffer(frame.data, np.int16)
        self.samples += len(piece)
        self.kept = np.concatenate([self.kept, piece])[-KEPT_SAMPLES:]
        power = float(np.square(piece, dtype=np.float64).mean()) if len(piece) else 0.0
        self.quiet = self.quiet + len(piece) / RATE if power < QUIET_POWER else 0.0
        self.longest_quiet = max(self.longest_quiet, self.quiet)

    def fresh(self) -> None:
        """Begins the account of quiet seconds anew."""
        self.quiet = self.longest_quiet = 0.0

    def tone(self) -> tuple[float, float]:
        """The loudest frequency of the last second and its part of the power."""
        if len(self.kept) < KEPT_SAMPLES:
            return 0.0, 0.0
        return loudest(self.kept.astype(np.float64))


class Guest:
    """A participant; `async with Guest("ada") as ada:` joins and leaves.

    With `judge` the bars of every frame are looked at, with `attend` every sound is listened to as soon as it is there;
    without it the SDK decodes the sounds all the same, and only `attend` hands one over.
    """

    def __init__(self, identity: str, judge: bool = True, attend: bool = True, **options: object) -> None:
        self.identity, self.judge = identity, judge
        self._attend = attend
        self._voices: dict[str, rtc.Track] = {}
        self.room = rtc.Room()
        self.sights: dict[str, Sight] = {}
        self.sounds: dict[str, Sound] = {}
        self.data: list[rtc.DataPacket] = []
        self.events: list[str] = []
        self._options = rtc.RoomOptions(**options)
        self._tasks: list[asyncio.Task] = []
        self._looks: dict[str, asyncio.Task] = {}
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("track_unsubscribed", self._unsubscribed)
        self.room.on("data_received", self.data.append)
        for name in ("participant_connected", "participant_disconnected", "track_muted", "track_unmuted", "disconnected", "reconnecting", "reconnected"):
            self.room.on(name, lambda *given, name=name: self.events.append(name))

    async def join(self, jwt: str | None = None) -> "Guest":
        await self.room.connect(url(), jwt or token(self.identity), self._options)
        return self

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.room.disconnect()

    async def __aenter__(self) -> "Guest":
        return await self.join()

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def show(self, width: int = 640, height: int = 360, fps: int = 15, **options: object) -> rtc.LocalTrackPublication:
        """Publishes the known picture as a camera."""
        source = rtc.VideoSource(width, height)
        track = rtc.LocalVideoTrack.create_video_track("picture", source)
        self._tasks.append(asyncio.create_task(self._paint(source, Picture(width, height), fps)))
        given = {"simulcast": False, "video_codec": rtc.VideoCodec.VP8, **options}
        return await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, **given)
        )

    async def sing(self, hertz: float) -> rtc.LocalTrackPublication:
        """Publishes a tone as a microphone."""
        source = rtc.AudioSource(RATE, 1, queue_size_ms=3 * PIECE_MS)
        track = rtc.LocalAudioTrack.create_audio_track("tone", source)
        self._tasks.append(asyncio.create_task(self._play(source, Tone(hertz))))
        return await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        )

    async def _paint(self, source: rtc.VideoSource, picture: Picture, fps: int) -> None:
        begun, number = time.monotonic(), 0
        while True:
            frame = rtc.VideoFrame(picture.width, picture.height, rtc.VideoBufferType.I420, picture.paint(number))
            source.capture_frame(frame, timestamp_us=time.monotonic_ns() // 1000)
            number += 1
            await asyncio.sleep(max(0.0, begun + number / fps - time.monotonic()))

    async def _play(self, source: rtc.AudioSource, tone: Tone) -> None:
        while True:
            samples = RATE * PIECE_MS // 1000
            await source.capture_frame(rtc.AudioFrame(tone.piece(samples), RATE, 1, samples))

    def _subscribed(self, track: rtc.Track, _: rtc.RemoteTrackPublication, who: rtc.RemoteParticipant) -> None:
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            self._looks[track.sid] = asyncio.create_task(self._look(track, who.identity))
            self._tasks.append(self._looks[track.sid])
            return
        self._voices[who.identity] = track
        if self._attend:
            self._tasks.append(asyncio.create_task(self._listen(track, who.identity)))

    def _unsubscribed(self, track: rtc.Track, *_: object) -> None:
        # The next track may come in the same media section, and a stream left open would go on with its frames.
        if look := self._looks.pop(track.sid, None):
            look.cancel()

    async def attend(self, identity: str, seconds: float = 25) -> asyncio.Task:
        """Waits for this sound and listens to it until the task it answers is cancelled."""
        await until(f"{self.identity} gets the sound of {identity}", lambda: identity in self._voices, seconds=seconds)
        task = asyncio.create_task(self._listen(self._voices[identity], identity))
        self._tasks.append(task)
        return task

    async def _look(self, track: rtc.Track, identity: str) -> None:
        sight = self.sights.setdefault(identity, Sight())
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        try:
            async for event in stream:
                sight.take(event, self.judge)
        finally:
            await stream.aclose()

    async def _listen(self, track: rtc.Track, identity: str) -> None:
        sound = self.sounds.setdefault(identity, Sound())
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=PIECE_MS)
        try:
            async for event in stream:
                sound.take(event.frame)
        finally:
            await stream.aclose()

    async def sees(self, identity: str, frames: int = 30, width: int | None = None, seconds: float = 25) -> Sight:
        """Waits for so many more frames at the given width; when they are judged, the bars must be right and the picture run."""
        first = self.sights.get(identity, Sight()).frames

        def met() -> bool:
            sight = self.sights.get(identity)
            right = sight and sight.frames >= first + frames and (width is None or sight.width == width)
            return bool(right and (not self.judge or not sight.fault and moves(sight.numbers[-frames:])))

        await until(f"{self.identity} sees {frames} frames of {identity}", met, lambda: brief(self.sights.get(identity)), seconds)
        return self.sights[identity]

    async def hears(self, identity: str, hertz: float, seconds: float = 25) -> Sound:
        """Waits until the last second of sound is the tone and little else."""

        def met() -> bool:
            sound = self.sounds.get(identity)
            heard, part = sound.tone() if sound else (0.0, 0.0)
            return abs(heard - hertz) <= 5 and part > 0.8

        await until(f"{self.identity} hears {hertz} Hz from {identity}", met, lambda: self.sounds.get(identity) and self.sounds[identity].tone(), seconds, pause=0.2)
        return self.sounds[identity]


async def until(what: str, met, seen=lambda: "", seconds: float = 25, pause: float = 0.05) -> None:
    """Looks until `met()` is true, every `pause` seconds; fails with what was seen last."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s (last seen: {seen()})")
        await asyncio.sleep(pause)


def brief(sight: Sight | None) -> str:
    if sight is None:
        return "no picture"
    return f"{sight.frames} frames, {sight.width}x{sight.height}, {sight.wrong} wrong, {sight.fault}, numbers {sight.numbers[-5:]}"
