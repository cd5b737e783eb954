// Two browsers, H264 and Opus, one peer connection each (/rtc/v1).
import { codecCall } from '../lib/codec_call.mjs';

export default (stage) => codecCall(stage, 'h264', true);
