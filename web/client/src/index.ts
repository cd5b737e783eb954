// Calls, audio rooms and livestreams on a Thalweg server, from a browser.
export { ThalwegClient, type CallPage, type ClientOptions, type ClientState, type ClientUser, type Ringing } from './client.js';
export type { Call, JoinOptions } from './call.js';
export type { CallState, Ending } from './session.js';
export type { Capture } from './capture.js';
export type { Device, DeviceChoice, DeviceState } from './device.js';
export type { Screen } from './screen.js';
export type { Speaker } from './speaker.js';
export type { Person, Picture } from './people.js';
export type { PictureSource } from './picture.js';
export type { Chat } from './chat.js';
export type { Claims, TokenProvider } from './token.js';
export type { Memory } from './memory.js';
export { callFault, deviceFault, type DeviceKind, type Fault, type FaultCode } from './fault.js';
export { ThalwegError, type ThalwegErrorCode } from './error.js';
export { derived, type Observable } from './observable.js';
export type * from '@thalweg/api';
