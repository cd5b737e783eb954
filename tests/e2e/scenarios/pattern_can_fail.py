"""The judge of pictures itself: right ones pass in every colouring, swapped bars, black, grey and wrong numbers do not."""

import itertools

import numpy as np

from pattern import BARS, COLOURINGS, Picture, bars_fault, moves, number_of, yuv
from scenario import check, play

WIDTH, HEIGHT = 320, 180


def bars(colours: list[tuple[float, float, float]]) -> bytes:
    """An I420 frame of bars in these values of Y, U and V."""
    def plane(part: int, width: int, height: int) -> bytes:
        row = np.repeat([round(colour[part]) for colour in colours], width // len(colours))
        return np.tile(row.astype(np.uint8), height).tobytes()

    return plane(0, WIDTH, HEIGHT) + plane(1, WIDTH // 2, HEIGHT // 2) + plane(2, WIDTH // 2, HEIGHT // 2)


def fault(colours: list[tuple[float, float, float]]) -> str | None:
    return bars_fault(bars(colours), WIDTH, HEIGHT)


async def scenario() -> str:
    tried = 0
    for name in COLOURINGS:
        right = [yuv(*colour, name) for colour in BARS]
        check(fault(right) is None, f"right bars in {name}: {fault(right)}")
        noisy = [tuple(np.clip(np.array(colour) + 8, 0, 255)) for colour in right]
        check(fault(noisy) is None, f"right bars in {name} after lossy coding: {fault(noisy)}")
        for one, other in itertools.combinations(range(len(BARS)), 2):
            swapped = list(right)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            check(fault(swapped), f"bars {one} and {other} swapped in {name} went unseen")
            tried += 1
        check(fault([right[0]] * 8), f"a flat picture in {name} went unseen")
        check(fault([(y, 128, 128) for y, _, _ in right]), f"a picture without colour in {name} went unseen")
        check(fault([(y, v, u) for y, u, v in right]), f"U and V swapped in {name} went unseen")
        check(fault(right[1:] + right[:1]), f"bars shifted by one in {name} went unseen")
    check(fault([(16, 128, 128)] * 8), "a black picture went unseen")
    check(fault([(0, 0, 0)] * 8), "an empty picture went unseen")
    picture = Picture(WIDTH, HEIGHT)
    for number in (0, 1, 2, 0x5A5A, 0xFFFF):
        frame = picture.paint(number)
        check(bars_fault(frame, WIDTH, HEIGHT) is None, f"frame {number}: {bars_fault(frame, WIDTH, HEIGHT)}")
        check(number_of(frame, WIDTH, HEIGHT) == number, f"frame {number} was read as {number_of(frame, WIDTH, HEIGHT)}")
    check(moves([3, 4, 5, 5, 7]), "a running picture was taken for a stale one")
    for stale in ([], [3], [3, 3, 3, 3], [3, 3, 3, 4], [3, 4, 3, 4]):
        check(not moves(stale), f"frames {stale} were taken for a running picture")
    return f"{tried} swaps seen"


play(scenario)
