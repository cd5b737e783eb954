"""A picture and a sound that can be known again at the far side.

The picture: eight colour bars (the same as `page/drive.js` paints) and, along the foot, sixteen blocks that hold the
frame's number in black and white. The sound: one pure tone.
"""

import numpy as np

BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
BITS = 16
# How far a decoded bar may be from the painted one, on a scale of 0 to 255 for each of Y, U and V: lossy coding and the
# two matrices in use (BT.601 here, BT.601 or BT.709 from a browser's canvas) stay well within, a wrong bar does not.
COLOUR_TOLERANCE = 28


def yuv(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """BT.601, limited range."""
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    u = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    v = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    return luma, u, v


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


def bars_fault(data: memoryview, width: int, height: int) -> str | None:
    """What is wrong with the bars of a decoded I420 frame, or nothing."""
    luma, u, v = planes(data, width, height)
    for index, colour in enumerate(BARS):
        x, y, reach = (2 * index + 1) * width // 16, height // 3, max(2, width // 64)
        half = max(1, reach // 2)
        seen = (
            luma[y - reach : y + reach, x - reach : x + reach].mean(),
            u[y // 2 - half : y // 2 + half, x // 2 - half : x // 2 + half].mean(),
            v[y // 2 - half : y // 2 + half, x // 2 - half : x // 2 + half].mean(),
        )
        if max(abs(a - b) for a, b in zip(seen, yuv(*colour))) > COLOUR_TOLERANCE:
            return f"bar {index}: YUV {[round(part) for part in seen]}, painted {[round(part) for part in yuv(*colour)]}"
    return None


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
