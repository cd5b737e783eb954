import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf, mediaUrl } from '../dist/call.js';

const info = { state: 'backstage', role: 'user', capabilities: ['read-call'], members: [{ user: 'hana', role: 'host' }, { user: 'lea', role: 'user' }], requests: [{ user: 'lea', capabilities: ['send-audio'] }], blocked: ['mal'] };
const event = (name, facts = {}) => ({ event: name, created_at_ms: 7, ...facts });

test('events change what is known of a call', () => {
  for (const [name, facts, changes] of [
    ['call_live_started', {}, { state: 'live', live_at_ms: 7 }],
    ['call_live_ended', {}, { state: 'backstage' }],
    ['call_ended', {}, { state: 'ended', ended_at_ms: 7 }],
    ['call_participants', { participants: 3 }, { participants: 3 }],
    ['call_session_ended', {}, { session: null, participants: 0 }],
    ['call_permission_requested', { user: 'lea', capabilities: ['send-video'] }, { requests: [{ user: 'lea', capabilities: ['send-video'] }] }],
    ['call_permissions_changed', { user: 'lea', capabilities: [] }, { requests: [] }],
    ['call_permissions_changed', { user: 'ann', capabilities: ['send-audio'] }, { requests: info.requests, capabilities: ['send-audio'] }],
    ['call_permission_withdrawn', { user: 'lea', capabilities: ['send-audio'] }, { requests: [] }],
    ['call_permission_withdrawn', { user: 'lea', capabilities: ['send-video'] }, { requests: info.requests }],
    ['call_members_changed', { members: [{ user: 'ann', role: 'host' }, { user: 'lea', role: null }], members_count: 2 }, { members_count: 2, role: 'host', members: [{ user: 'ann', role: 'host' }, { user: 'hana', role: 'host' }] }],
    ['call_user_blocked', { user: 'nil' }, { blocked: ['mal', 'nil'] }],
    ['call_user_unblocked', { user: 'mal' }, { blocked: [] }],
    ['call_message', {}, {}],
  ]) {
    assert.deepEqual(changeOf(info, event(name, facts), 'ann'), changes, name);
  }
  // Who may not see requests is told of none.
  assert.deepEqual(changeOf({ ...info, requests: undefined }, event('call_permissions_changed', { user: 'lea', capabilities: [] }), 'ann'), {});
});

test('media goes the way the API goes: with TLS where that has it', () => {
  for (const [url, base, wanted] of [
    ['ws://calls.example.com', 'https://calls.example.com', 'wss://calls.example.com/'],
    ['ws://calls.example.com', 'http://calls.example.com', 'ws://calls.example.com/'],
    ['ws://media.example.com:7880', 'https://calls.example.com', 'ws://media.example.com:7880/'],
  ]) {
    assert.equal(mediaUrl(url, base), wanted);
  }
});
