import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chat } from '../dist/chat.js';

/** The server's side: messages with these ids, newest first, in pages of fifty. */
class Api {
  ids = [];
  /** Called while a page is on its way. */
  meanwhile = () => undefined;

  async ask(method, path, body) {
    if (method === 'POST') return { message: { id: this.ids.push(this.ids.length + 1), text: body.text } };
    const before = Number(new URLSearchParams(path.split('?')[1]).get('before') ?? Infinity);
    const page = this.ids.filter((id) => id < before).sort((left, right) => right - left).slice(0, 50);
    this.meanwhile();
    return { messages: page.map((id) => ({ id })), next: page.length === 50 ? page.at(-1) : null };
  }
}

const ids = (chat) => chat.messages.value.map(({ id }) => id);
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const event = (id) => ({ event: 'call_message', message: { id } });

test('pages, events and own messages make one list without holes or doubles', async () => {
  const api = new Api();
  const chat = new Chat(api, '/c');
  api.ids = range(1, 120);
  api.meanwhile = () => {
    api.meanwhile = () => undefined;
    // Told while the page is on its way: it is not in it.
    chat.hear(event(121));
    api.ids.push(121);
  };
  await chat.refresh();
  assert.deepEqual(ids(chat), range(71, 121));
  assert.equal(chat.more.value, true);
  chat.hear(event(121));
  await chat.send('hello');
  chat.hear(event(122));
  assert.deepEqual(ids(chat), range(71, 122));
  await chat.older();
  await chat.older();
  assert.deepEqual(ids(chat), range(1, 122));
  assert.equal(chat.more.value, false);
});

test('what was missed is read, what was taken out goes, and a gap is not hidden', async () => {
  const api = new Api();
  const chat = new Chat(api, '/c');
  api.ids = range(1, 10);
  await chat.refresh();
  api.ids = [...range(1, 3), ...range(5, 14)];
  const lists = [];
  chat.messages.subscribe((list) => lists.push(list.length));
  await chat.refresh();
  assert.deepEqual(ids(chat), api.ids);
  // A view is never drawn half.
  assert.deepEqual(lists, [13]);
  chat.hear({ event: 'call_message_deleted', message_id: 14 });
  assert.equal(ids(chat).at(-1), 13);
  api.ids = range(1, 200);
  await chat.refresh();
  assert.deepEqual(ids(chat), range(151, 200));
  assert.equal(chat.more.value, true);
});
