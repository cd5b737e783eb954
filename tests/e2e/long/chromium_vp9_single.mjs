// Two browsers, VP9 and Opus, one peer connection each (/rtc/v1).
import { codecCall } from '../lib/codec_call.mjs';

export default (stage) => codecCall(stage, 'vp9', true);
