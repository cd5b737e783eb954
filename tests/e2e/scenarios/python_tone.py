"""Two Python participants sing at two pitches; each hears the other's, and not its own."""

from guest import Guest
from scenario import play


async def scenario() -> str:
    async with Guest("ada") as ada, Guest("bob") as bob:
        await ada.sing(440)
        await bob.sing(660)
        heard = await ada.hears("bob", 660)
        other = await bob.hears("ada", 440)
        return "ada heard {:.0f} Hz ({:.0%}), bob {:.0f} Hz ({:.0%})".format(*heard.tone(), *other.tone())


play(scenario)
