// Two browsers, AV1 and Opus, two peer connections each (/rtc).
import { codecCall } from '../lib/codec_call.mjs';

export default (stage) => codecCall(stage, 'av1', false);
