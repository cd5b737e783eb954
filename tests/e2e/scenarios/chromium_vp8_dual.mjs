// Two browsers, VP8 and Opus, two peer connections each (/rtc).
import { codecCall } from '../lib/codec_call.mjs';

export default (stage) => codecCall(stage, 'vp8', false);
