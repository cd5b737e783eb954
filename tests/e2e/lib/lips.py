"""A source that flashes and beeps at the same instant, and what a viewer makes of it."""

import numpy as np

from guest import until
from pusher import Pusher, Tag, clip
from watcher import HERTZ, Line, Watcher, signed

# From one flash to the next, and how long each lasts.
EVERY_SECONDS, FLASH_SECONDS = 0.5, 0.1


async def flashes(seconds: float, size: str, fps: int, rate: int, channels: int, video: tuple[str, ...], late: float = 0) -> list[Tag]:
    """The clip; sound is AAC, and comes so many seconds `late`."""
    flash, beep = (f"lt(mod(t+{EVERY_SECONDS}-{behind},{EVERY_SECONDS}),{FLASH_SECONDS})" for behind in (0, late))
    return await clip(
        *("-f", "lavfi", "-i", f"color=black:s={size}:r={fps},drawbox=t=fill:color=white:enable='{flash}'"),
        *("-f", "lavfi", "-i", f"aevalsrc=exprs='0.5*sin(2*PI*1000*t)*{beep}':s={rate}"),
        *("-t", str(seconds), "-pix_fmt", "yuv420p", "-c:v", "libx264", *video, "-c:a", "aac", "-b:a", "128k", "-ac", str(channels)),
    )


def flashes_seen(line: Line) -> list[int]:
    """The RTP times of the pictures with which a flash begins."""
    dark = [luma < 125 for _, luma, _ in line.frames]
    return [line.frames[at][0] for at in range(1, len(dark)) if dark[at - 1] and not dark[at]]


def beeps_heard(line: Line) -> list[int]:
    """The RTP times at which a beep begins: where the sound first comes to half of its usual peak; a click is none."""
    if not line.frames:
        return []
    samples = np.abs(np.concatenate([samples for _, samples in line.frames]).astype(np.float64))
    times = np.concatenate([pts + np.arange(len(samples)) for pts, samples in line.frames])
    loud = np.flatnonzero(samples > np.quantile(samples, 0.98) / 2)
    # A beep is a run of loud samples without a pause of 50 ms.
    first = np.concatenate([[True], np.diff(loud) > HERTZ["audio"] // 20]) if len(loud) else []
    return [int(times[at]) for at in loud[first]]


def offsets(watcher: Watcher) -> list[float]:
    """By how many seconds each beep lies behind its flash, on the sender's clock as sender reports tell it."""
    seen = [watcher.video.moment(rtp) for rtp in flashes_seen(watcher.video)]
    heard = [watcher.audio.moment(rtp) for rtp in beeps_heard(watcher.audio)]
    # The edges of what came are left out: half a beep begins late.
    pairs = [min((beep - flash for beep in heard), key=abs) for flash in seen[1:-1]] if heard else []
    return pairs


def delays(watcher: Watcher, pusher: Pusher) -> tuple[list[float], list[float]]:
    """From when a picture was sent to when its last packet came, for each flash; and the same of sounds for each beep. The clip's
    pictures are known by their flash: one of every half second."""
    sent = {tag_ms: at for tag_ms, at in pusher.sent.items()}
    first = min(sent)
    video = []
    for rtp in flashes_seen(watcher.video)[1:]:
        came = watcher.video.came.get(rtp % (1 << 32))
        before = [at for tag_ms, at in sent.items() if is_flash(tag_ms - first) and came and at <= came]
        video += [came - max(before)] if before else []
    audio = []
    for rtp in beeps_heard(watcher.audio)[1:]:
        # The packet with the sample, 20 ms each.
        at = max((time for time in watcher.audio.came if signed(rtp - time) >= 0), key=lambda time: signed(time - rtp), default=None)
        came = watcher.audio.came.get(at)
        before = [sent_at for tag_ms, sent_at in pusher.heard.items() if is_beep(tag_ms, first) and came and sent_at <= came]
        audio += [came - max(before)] if before else []
    return video, audio


def is_flash(ms: int) -> bool:
    """Whether a flash begins with the picture of this time; RTMP rounds to milliseconds."""
    every = round(EVERY_SECONDS * 1000)
    return min(ms % every, -ms % every) <= 1


def is_beep(ms: int, first_ms: int) -> bool:
    """Whether the first sample of a beep lies in the piece of sound of this time, of at most 23.3 ms."""
    every = round(EVERY_SECONDS * 1000)
    return (first_ms - ms) % every < 23


async def watch(watcher: Watcher, flashes_wanted: int, seconds: float = 30) -> None:
    def met() -> bool:
        told = watcher.video.report and watcher.audio.report
        return bool(told) and len(flashes_seen(watcher.video)) >= flashes_wanted and len(beeps_heard(watcher.audio)) >= flashes_wanted

    def seen() -> str:
        return f"{len(watcher.video.frames)} pictures, {len(watcher.audio.frames)} sounds, reports {watcher.video.report} {watcher.audio.report}"

    await until(f"{flashes_wanted} flashes and beeps come", met, seen, seconds, pause=0.25)
