"""A picture and a sound that can be known again at the far side.

The picture: eight colour bars (the same as `page/drive.js` paints) and, along the foot, sixteen blocks that hold the
frame's number in black and white. The sound: one pure tone.
"""

import numpy as np

BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
BITS = 16
# How far a decoded bar may be from the painted one, on a scale of 0 to 255 for each of Y, U and V: lossy coding stays well
# within, a wrong bar does not in any colouring.
COLOUR_TOLERANCE = 16
# What a sender may make of the same red, green and blue: the weights of red and blue in the luma, and whether the values
# take the full range. The SDK passes our BT.601 on as it is; a browser's canvas is captured as BT.709 in full range.
COLOURINGS = {
    "BT.601": (0.299, 0.114, False),
    "BT.601 full": (0.299, 0.114, True),
    "BT.709": (0.2126, 0.0722, False),
    "BT.709 full": (0.2126, 0.0722, True),
}


def yuv(red: int, green: int, blue: int, colouring: str = "BT.601") -> tuple[float, float, float]:
    """Y, U and V of a colour, each from 0 to 255."""
    weight_red, weight_blue, full = COLOURINGS[colouring]
    luma = weight_red * red + (1 - weight_red - weight_blue) * green + weight_blue * blue
    u = (blue - luma) / (2 * (1 - weight_blue))
    v = (red - luma) / (2 * (1 - weight_red))
    if full:
        return luma, 128 + u, 128 + v
    return 16 + luma * 219 / 255, 128 + u * 224 / 255, 128 + v * 224 / 255


class Picture:
    """Paints frames of one size."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._luma = np.zeros((height, width), np.uint8)
        self._u = np.zeros((height // 2, width // 2), np.uint8)
        self._v = np.zeros((height // 2, width // 2), np.uint8)
        for index, colour in enumerate(BARS):
            luma, u, v = yuv(*colour)
            self._luma[:, index * width // 8 : (index + 1) * width // 8] = round(luma)
            self._u[:, index * width // 16 : (index + 1) * width // 16] = round(u)
            self._v[:, index * width // 16 : (index + 1) * width // 16] = round(v)
        self._foot = height - height // 8
        self._u[self._foot // 2 :] = 128
        self._v[self._foot // 2 :] = 128

    def paint(self, number: int) -> bytes:
        """The I420 bytes of the frame with this number (taken modulo 65536)."""
        for bit in range(BITS):
            shade = 235 if number >> bit & 1 else 16
            self._luma[self._foot :, bit * self.width // BITS : (bit + 1) * self.width // BITS] = shade
        return self._luma.tobytes() + self._u.tobytes() + self._v.tobytes()


def planes(data: memoryview, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, U and V of I420 bytes."""
    half_width, half_height = (width + 1) // 2, (height + 1) // 2
    flat = np.frombuffer(data, np.uint8)
    size, quarter = width * height, half_width * half_height
    return (
        flat[:size].reshape(height, width),
        flat[size : size + quarter].reshape(half_height, half_width),
        flat[size + quarter : size + 2 * quarter].reshape(half_height, half_width),
    )


def bars_seen(data: memoryview, width: int, height: int) -> np.ndarray:
    """The mean Y, U and V in the middle of each bar: eight rows of three."""
    luma, u, v = planes(data, width, height)
    y, reach = height // 3, max(2, width // 64)
    half = max(1, reach // 2)

    def mean(plane: np.ndarray, x: int, y: int, reach: int) -> float:
        return float(plane[y - reach : y + reach, x - reach : x + reach].mean())

    middles = [(2 * index + 1) * width // 16 for index in range(len(BARS))]
    return np.array([(mean(luma, x, y, reach), mean(u, x // 2, y // 2, half), mean(v, x // 2, y // 2, half)) for x in middles])


def bars_fault(data: memoryview, width: int, height: int) -> str | None:
    """What is wrong with the bars of a decoded I420 frame, or nothing. All eight must be right in one and the same colouring."""
    seen = bars_seen(data, width, height)
    painted = {name: np.array([yuv(*colour, name) for colour in BARS]) for name in COLOURINGS}
    nearest = min(COLOURINGS, key=lambda name: np.abs(seen - painted[name]).max())
    off = np.abs(seen - painted[nearest]).max(axis=1)
    if off.max() <= COLOUR_TOLERANCE:
        return None
    worst = int(off.argmax())
    return f"bar {worst}: YUV {seen[worst].round().astype(int).tolist()}, painted {painted[nearest][worst].round().astype(int).tolist()} ({nearest})"


def number_of(data: memoryview, width: int, height: int) -> int:
    """The frame's number, read from its foot."""
    luma, _, _ = planes(data, width, height)
    y = height - height // 16
    number = 0
    for bit in range(BITS):
        x = (2 * bit + 1) * width // (2 * BITS)
        if luma[y - 2 : y + 2, x - 2 : x + 2].mean() > 125:
            number |= 1 << bit
    return number


def moves(numbers: list[int]) -> bool:
    """Whether these frames, in order of arrival, show a running picture: the numbers never fall and most of them rise."""
    steps = [after - before for before, after in zip(numbers, numbers[1:])]
    return bool(steps) and min(steps) >= 0 and sum(step > 0 for step in steps) > len(steps) / 2


class Tone:
    """A sine without breaks between its pieces."""

    def __init__(self, hertz: float, rate: int = 48_000) -> None:
        self.hertz, self.rate, self._position = hertz, rate, 0

    def piece(self, samples: int) -> bytes:
        """The next samples, 16 bits each, at half of full scale."""
        moments = (self._position + np.arange(samples)) / self.rate
        self._position += samples
        return (np.sin(2 * np.pi * self.hertz * moments) * 16_000).astype(np.int16).tobytes()


def loudest(samples: np.ndarray, rate: int = 48_000) -> tuple[float, float]:
    """The loudest frequency in hertz and the part of the whole power that lies within 20 Hz of it."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    power[0:3] = 0
    peak = int(power.argmax())
    reach = max(1, round(20 * len(samples) / rate))
    total = float(power.sum())
    part = float(power[max(0, peak - reach) : peak + reach + 1].sum()) / total if total > 0 else 0.0
    return peak * rate / len(samples), part
