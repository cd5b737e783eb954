"""An agent made with LiveKit Agents as its guide has it, which needs no model: it joins and plays a tone. `agent_worker.py start`."""

import numpy as np
from livekit import agents, rtc

RATE = 48_000
HERTZ = 440
# Sound goes in pieces of this length.
PIECE_MS = 100


async def entrypoint(job: agents.JobContext) -> None:
    await job.connect()
    source = rtc.AudioSource(RATE, 1, queue_size_ms=3 * PIECE_MS)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    await job.room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False))
    samples, at = RATE * PIECE_MS // 1000, 0
    while True:
        turns = np.arange(at, at + samples) * HERTZ / RATE
        piece = (16_000 * np.sin(2 * np.pi * turns)).astype(np.int16)
        await source.capture_frame(rtc.AudioFrame(piece.tobytes(), RATE, 1, samples))
        at += samples


if __name__ == "__main__":
    agents.cli.run_app(agents.WorkerOptions(entrypoint_fnc=entrypoint, port=0, num_idle_processes=1))
