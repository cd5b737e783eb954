// A livestream of the Calls API with a hundred simulated viewers and as many who listen to its events: each of them hears all of
// it, once. `LONG=1` has the same with a thousand.
import { livestream } from '../lib/audience.mjs';

export default (stage) => livestream(stage, { viewers: 100, seconds: 3 });
