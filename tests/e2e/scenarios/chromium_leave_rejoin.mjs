// Leaving and joining again, ten times, in both modes: the picture comes each time and the server forgets everything.
// deadline: 240
const TIMES = 10;

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.guest('bob')];
  await ada.camera();
  await ada.microphone();
  for (let time = 1; time <= TIMES; time++) {
    await bob.drive(() => (drive.events.length = 0));
    await bob.join({ singlePeerConnection: time % 2 === 1 });
    await bob.drive(() => drive.bars());
    const told = (error) => {
      throw new Error(`time ${time}: ${error.message}`);
    };
    await Promise.all([bob.sees(ada, { frames: 8 }), ada.sees(bob, { frames: 8 })]).catch(told);
    await bob.leave();
    await ada.drive(() => (drive.events.length = 0));
  }
  await ada.leave();
  await stage.empty();
}
