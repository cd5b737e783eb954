// A livestream of the Calls API with a thousand simulated viewers and as many who listen to its events.
// deadline: 240
import { livestream } from '../lib/audience.mjs';

export default (stage) => livestream(stage, { viewers: 1000, seconds: 15 });
