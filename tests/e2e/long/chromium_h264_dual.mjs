// Two browsers, H264 and Opus, two peer connections each (/rtc).
import { codecCall } from '../lib/codec_call.mjs';

export default (stage) => codecCall(stage, 'h264', false);
