// Two browsers, VP8 and Opus, one peer connection each (/rtc/v1).
import { codecCall } from '../lib/codec_call.mjs';

export default (stage) => codecCall(stage, 'vp8', true);
