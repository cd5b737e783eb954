"""The real OBS under a virtual screen: a prepared profile streams a clip of the known picture and a tone, without a hand."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import tempfile

import imageio_ffmpeg

from pattern import Picture

# The clip repeats after so long; its frames are numbered anew.
CLIP_SECONDS = 40
CLIP_FPS = 15
WIDTH, HEIGHT = 1920, 1080


class Obs:
    """`async with Obs(url, key) as obs:` streams until the end of the block. OBS and its screen end by their own pids."""

    def __init__(self, url: str, key: str, hertz: int = 660, bframes: int = 2, audio_rate: int = 48_000, fps: int = 30) -> None:
        self._url, self._key, self._hertz, self._bframes, self._rate, self._fps = url, key, hertz, bframes, audio_rate, fps
        self._home = tempfile.TemporaryDirectory(prefix="obs-")
        self.home = pathlib.Path(self._home.name)

    async def __aenter__(self) -> "Obs":
        clip = self.home / "clip.mp4"
        await paint(clip, self._hertz)
        self._profile(clip)
        self.screen, display = await screen()
        environment = {
            **os.environ,
            "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config"), "XDG_RUNTIME_DIR": str(self.home),
            "DISPLAY": f":{display}", "LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb",
        }
        self._log = open(f"{os.environ.get('THALWEG_LOG', '/tmp/thalweg')}.obs", "wb")
        self.process = await asyncio.create_subprocess_exec(
            "obs", "--multi", "--profile", "Test", "--collection", "Test", "--startstreaming", "--disable-missing-files-check",
            env=environment, stdout=self._log, stderr=self._log, start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in (self.process, self.screen):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 10)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()
        self._home.cleanup()

    def _profile(self, clip: pathlib.Path) -> None:
        root = self.home / ".config" / "obs-studio"
        profile, scenes = root / "basic" / "profiles" / "Test", root / "basic" / "scenes"
        for folder in (profile, scenes):
            folder.mkdir(parents=True)
        (root / "global.ini").write_text(
            "[General]\nFirstRun=true\nLastVersion=486539264\nEnableAutoUpdates=false\n"
            "[OBSWebSocket]\nServerEnabled=false\nFirstLoad=false\n[Basic]\nProfile=Test\nProfileDir=Test\n"
            "SceneCollection=Test\nSceneCollectionFile=Test\n"
        )
        (profile / "basic.ini").write_text(
            "[General]\nName=Test\n[Output]\nMode=Advanced\nReconnect=true\nRetryDelay=1\n"
            "[AdvOut]\nEncoder=obs_x264\nTrackIndex=1\nApplyServiceSettings=false\nRescale=false\nTrack1Bitrate=160\n"
            f"[Video]\nBaseCX={WIDTH}\nBaseCY={HEIGHT}\nOutputCX={WIDTH}\nOutputCY={HEIGHT}\nFPSType=0\nFPSCommon={self._fps}\n"
            f"[Audio]\nSampleRate={self._rate}\nChannelSetup=Stereo\n"
        )
        encoder = {"bitrate": 4500, "rate_control": "CBR", "keyint_sec": 2, "preset": "veryfast", "profile": "high", "x264opts": f"bframes={self._bframes}"}
        (profile / "streamEncoder.json").write_text(json.dumps(encoder))
        service = {"type": "rtmp_custom", "settings": {"server": self._url, "key": self._key, "use_auth": False, "bwtest": False}}
        (profile / "service.json").write_text(json.dumps(service))
        media = {"local_file": str(clip), "is_local_file": True, "looping": True, "hw_decode": False, "restart_on_activate": False}
        shown = {"name": "Clip", "id": 1, "visible": True, "align": 5, "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0}}
        collection = {
            "name": "Test", "current_scene": "Scene", "current_program_scene": "Scene", "scene_order": [{"name": "Scene"}],
            "sources": [
                {"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "Clip", "enabled": True, "muted": False, "mixers": 255, "volume": 1.0, "settings": media},
                {"id": "scene", "versioned_id": "scene", "name": "Scene", "settings": {"id_counter": 1, "custom_size": False, "items": [shown]}},
            ],
        }
        (scenes / "Test.json").write_text(json.dumps(collection))


async def paint(path: pathlib.Path, hertz: int) -> None:
    """A clip of the known picture and a tone."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y",
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(CLIP_FPS), "-i", "pipe:0"),
        *("-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000,volume=12dB"), "-t", str(CLIP_SECONDS),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "30", "-c:a", "aac", "-ac", "2", str(path)),
    ]
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    picture = Picture(WIDTH, HEIGHT)
    for number in range(CLIP_SECONDS * CLIP_FPS):
        process.stdin.write(picture.paint(number))
        await process.stdin.drain()
    process.stdin.close()
    if await process.wait() != 0:
        raise AssertionError("the clip could not be made")


async def screen() -> tuple[asyncio.subprocess.Process, int]:
    """A virtual screen on a free number."""
    reads, writes = os.pipe()
    process = await asyncio.create_subprocess_exec(
        "Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x720x24", "+extension", "GLX", "-nolisten", "tcp",
        pass_fds=(writes,), stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(writes)
    # It writes number and newline one after the other, and must not find the pipe closed in between.
    with open(reads) as told:
        number = await asyncio.get_running_loop().run_in_executor(None, told.readline)
    if not number.strip():
        raise AssertionError("Xvfb does not start")
    return process, int(number)
