// Five pages, each with camera and microphone, each sees and hears the four others.
// deadline: 150
export default async function (stage) {
  const guests = [];
  for (const name of ['ada', 'bob', 'cid', 'dot', 'eve']) {
    const guest = await stage.joined(name);
    await guest.camera({}, { resolution: { width: 320, height: 180, frameRate: 10 } });
    await guest.microphone();
    guests.push(guest);
  }
  for (const viewer of guests) {
    for (const shown of guests.filter((each) => each !== viewer)) {
      await viewer.sees(shown, { frames: 8, width: 320, ms: 40_000 });
      await viewer.hears(shown, 40_000);
    }
  }
  await Promise.all(guests.map((guest) => guest.leave()));
  await stage.empty();
}
