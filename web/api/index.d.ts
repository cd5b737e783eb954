// The words of the Calls API: what goes in and out of `/api/v1`, what its events and webhooks hold, letter by letter.
// Times are milliseconds since 1970.

/** What an app keeps beside our own fields, up to 16 KiB of JSON. */
export type Custom = Record<string, unknown>;

/** One thing that somebody may do in a call. */
export type Capability =
  | 'join-call' | 'join-backstage' | 'read-call' | 'create-call' | 'update-call' | 'update-members' | 'go-live'
  | 'end-call' | 'send-audio' | 'send-video' | 'screenshare' | 'send-events' | 'send-chat' | 'mute-users'
  | 'block-users' | 'pin-for-all' | 'request-permissions' | 'update-permissions' | 'use-ingress' | 'record';

/** What can be asked for, and given to one user in one call. */
export type LendableCapability = 'send-audio' | 'send-video' | 'screenshare' | 'send-events' | 'send-chat';

/** What a user is in a call: one of these, or a role of the app's own. */
export type Role = 'host' | 'admin' | 'user' | 'viewer' | (string & {});

/** The types that are always there, or one of the app's own. */
export type CallType = 'default' | 'audio_room' | 'livestream' | 'development' | (string & {});

/** Where a call stands. */
export type Phase = 'backstage' | 'live' | 'ended';

/** A kind of source. */
export interface DeviceSettings {
  /** It may be published at all. */
  enabled: boolean;
  /** Clients should switch it on when they join. */
  default_on: boolean;
  /** Who may not publish it may ask to. */
  requests: boolean;
}

/** How a call behaves. */
export interface CallSettings {
  audio: DeviceSettings;
  video: DeviceSettings;
  screenshare: DeviceSettings;
  /** With `enabled` a call begins behind a curtain; everybody may come in `join_ahead_s` seconds before its start. */
  backstage: { enabled: boolean; join_ahead_s: number };
  /** When enough is enough; 0 is no limit. */
  limits: { max_duration_s: number; max_participants: number };
  /** The chat beside the call. */
  chat: { enabled: boolean; slow_mode_s: number; members_only: boolean };
  /** The call may be recorded. */
  recording: boolean;
  /** An encoder may push media into the call. */
  ingress: boolean;
}

/** Any part of something. */
export type Part<T> = { [K in keyof T]?: T[K] extends object ? Part<T[K]> : T[K] };

/** A user. */
export interface User {
  id: string;
  /** What people read. */
  name: string;
  /** The address of a picture. */
  image: string;
  /** What it is where neither token nor call say otherwise. */
  role: Role;
  custom: Custom;
  created_at_ms: number;
  updated_at_ms: number;
}

/** A user as it is to be; what is left out is empty. */
export interface UserWish {
  id: string;
  name?: string;
  image?: string;
  role?: Role;
  custom?: Custom;
}

/** A member of a call. */
export interface Member {
  user: string;
  role: Role;
}

/** A member as it is to be; its role is `user` when left out. */
export interface MemberWish {
  user: string;
  role?: Role;
}

/** Somebody who asks for more than it may. */
export interface PermissionRequest {
  user: string;
  capabilities: Capability[];
}

/** Where an encoder may push, and how that goes. The key is a secret. */
export interface Ingress {
  rtmp_url: string;
  stream_key: string;
  push: Push;
}

/** What is known of an encoder's stream; as of when the call was asked for. */
export interface Push {
  state: 'inactive' | 'buffering' | 'publishing' | 'error';
  /** What its owner should know or change, in words; empty when all is well. */
  remark: string;
  /** Its picture, as it comes in. */
  video: { mime_type: string; width: number; height: number; frames_per_s: number; bits_per_s: number } | null;
  /** Its sound, as it comes in; channels and samples are 0 when the encoder does not tell. */
  audio: { mime_type: string; bits_per_s: number; channels: number; samples_per_s: number } | null;
}

/** A call, as the caller may see it. */
export interface CallInfo {
  type: CallType;
  id: string;
  /** Its room, which media clients know: type and id with a colon between. */
  room: string;
  created_by: string;
  state: Phase;
  /** When it is planned to begin. */
  starts_at_ms: number | null;
  /** When it last went live. */
  live_at_ms: number | null;
  ended_at_ms: number | null;
  /** When it will end at the latest. */
  ends_at_latest_ms: number | null;
  created_at_ms: number;
  updated_at_ms: number;
  settings: CallSettings;
  custom: Custom;
  /** The first hundred. */
  members: Member[];
  members_count: number;
  /** From the first participant to the last. */
  session: { id: string; started_at_ms: number } | null;
  /** How many are there at present. */
  participants: number;
  /** Who is in everybody's view. */
  pins: string[];
  /** What the caller is in this call. */
  role: Role;
  /** What the caller may do in this call. */
  capabilities: Capability[];
  /** Who asks for more: everybody for those who may grant it, only the caller itself for others. */
  requests?: PermissionRequest[];
  /** Who was sent out; for those who may do that. */
  blocked?: string[];
  /** For those who may push, once there is one. */
  ingress?: Ingress;
}

/** What a call begins with. */
export interface CallWish {
  /** Who makes it and is its host: the caller; back ends and admins name a user. */
  created_by?: string;
  members?: MemberWish[];
  /** When it is planned to begin. */
  starts_at_ms?: number;
  custom?: Custom;
  settings?: Part<CallSettings>;
}

/** What changes of a call; what is left out stays. */
export interface CallChange {
  /** When it is planned to begin; `null` is no plan. */
  starts_at_ms?: number | null;
  /** In place of what was there. */
  custom?: Custom;
  settings?: Part<CallSettings>;
}

/** Which calls. */
export interface CallQuery {
  type?: CallType;
  created_by?: string;
  /** Only those that this user is a member of. */
  member?: string;
  state?: 'upcoming' | Phase;
  starts_from_ms?: number;
  starts_before_ms?: number;
  sort?: 'created_at' | '-created_at' | 'starts_at' | '-starts_at';
  /** From 1 to 100; 25 when left out. */
  limit?: number;
  /** The `next` of the page before. */
  cursor?: string;
}

/** Everything to join with. */
export interface JoinAnswer {
  call: CallInfo;
  user: string;
  role: Role;
  capabilities: Capability[];
  /** The media server, for LiveKit's clients. */
  url: string;
  /** The media token, for LiveKit's clients. */
  token: string;
  expires_at_ms: number;
}

/** A token that the server made. */
export interface TokenAnswer {
  user: string;
  token: string;
  expires_at_ms: number;
}

/** A guest with a token. */
export interface GuestAnswer {
  user: User;
  token: string;
  expires_at_ms: number;
}

/** A message in the chat. */
export interface Message {
  /** Rises with every message of the call. */
  id: number;
  user: string;
  text: string;
  custom: Custom;
  created_at_ms: number;
}

/** What is muted. */
export interface MuteWish {
  /** Everybody but the caller when left out. */
  users?: string[];
  /** Microphones and the sound of screens; yes when left out. */
  audio?: boolean;
  video?: boolean;
  screenshare?: boolean;
}

/** What each event tells beside `event`, `id`, `call_type`, `call_id` and `created_at_ms`. */
export interface EventFacts {
  call_created: { created_by: string; starts_at_ms: number | null; members_count: number; custom: Custom };
  call_updated: { by: string; settings: CallSettings; custom: Custom };
  call_ended: { by: string; live_s: number };
  call_live_started: { by: string };
  call_live_ended: { by: string };
  call_media_started: object;
  call_media_ended: object;
  call_session_started: { session: string };
  call_session_ended: { session: string; duration_s: number };
  call_participant_joined: { user: string; participants: number };
  call_participant_left: { user: string; participants: number };
  call_participants: { participants: number };
  call_members_changed: { members: { user: string; role: Role | null }[]; changed: number; members_count: number; by: string };
  call_permission_requested: { user: string; capabilities: Capability[] };
  call_permission_withdrawn: { user: string; capabilities: Capability[]; by: string };
  call_permissions_changed: { user: string; capabilities: Capability[]; by: string };
  call_user_blocked: { user: string; by: string };
  call_user_unblocked: { user: string; by: string };
  call_user_kicked: { user: string; by: string };
  call_users_muted: { by: string; users: string[]; audio: boolean; video: boolean; screenshare: boolean };
  call_pins_changed: { pins: string[]; by: string };
  call_ring: { by: string; users: string[]; until_ms: number; custom: Custom };
  call_accepted: { user: string; ring_by: string };
  call_rejected: { user: string; ring_by: string; reason: string };
  call_missed: { user: string; ring_by: string };
  call_message: { message: Message };
  call_message_deleted: { message_id: number; by: string };
  call_reaction: { user: string; reaction: string; custom: Custom };
  call_custom: { user: string; custom: Custom };
}

/** The name of an event. */
export type EventName = keyof EventFacts;

/** One event, as a WebSocket, a stream or a webhook brings it. */
export type CallEvent<Name extends EventName = EventName> = {
  [K in Name]: { event: K; id: string; call_type: CallType; call_id: string; created_at_ms: number } & EventFacts[K];
}[Name];

/** What was wrong with a request, in a word that stays. */
export type ErrorCode =
  | 'token_missing' | 'token_invalid' | 'token_expired' | 'token_revoked' | 'missing_capability' | 'server_only'
  | 'call_not_in_token' | 'blocked' | 'call_not_live' | 'chat_disabled' | 'members_only' | 'not_served' | 'not_found'
  | 'call_not_found' | 'type_not_found' | 'user_not_found' | 'message_not_found' | 'not_there' | 'method_not_allowed'
  | 'call_ended' | 'call_full' | 'conflict' | 'limit_reached' | 'not_ringing' | 'body_too_large' | 'invalid'
  | 'rate_limited' | 'slow_mode' | 'internal' | 'unavailable';

/** The body of an answer that says no. */
export interface ErrorAnswer {
  error: { code: ErrorCode; message: string; request_id: string; field?: string; capability?: Capability };
}
