"""Two Python participants show each other colour bars at 640x360; the decoded bars and frame numbers are right."""

from guest import Guest
from scenario import check, play

# Frames that may be skipped among those that came, as a part: encoders drop a few while they ramp up.
SKIPPED_MAX = 0.3


async def scenario() -> str:
    async with Guest("ada") as ada, Guest("bob") as bob:
        await ada.show()
        await bob.show()
        notes = []
        for viewer, shown in ((ada, "bob"), (bob, "ada")):
            sight = await viewer.sees(shown, frames=60, width=640)
            check(sight.height == 360, f"height {sight.height}")
            last = sight.numbers[-40:]
            check(all(a < b for a, b in zip(last, last[1:])), f"frame numbers do not rise: {last}")
            skipped = 1 - len(last) / (last[-1] - last[0] + 1)
            check(skipped <= SKIPPED_MAX, f"{skipped:.0%} of the frames were skipped: {last}")
            notes.append(f"{viewer.identity} skipped {skipped:.0%}")
        return "; ".join(notes)


play(scenario)
