// The chat beside a call: what was written, and a line to write.
import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { Message } from '@thalweg/client';
import { useCan, useInfo, useMessages, usePeople } from '../hooks/call.js';
import { useProfile } from '../hooks/names.js';
import { Icon } from '../icon.js';
import { useCall } from '../provider.js';
import { Avatar } from './avatar.js';
import { Button } from './button.js';
import { useAttempt } from './notices.js';

/** The longest message, in characters; the server takes 5000 bytes. */
const TEXT_MAX = 1200;

export interface ChatProps {
  /** Where the chat can be put away. */
  onClose?: (() => void) | undefined;
}

export function Chat({ onClose }: ChatProps) {
  const messages = useMessages();
  const list = useRef<HTMLOListElement>(null);
  const last = messages.at(-1)?.id;
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [last]);
  return (
    <section className="th-chat" aria-label="Chat">
      <header className="th-chat-head">
        <h2>Chat</h2>
        {onClose && (
          <Button look="plain" aria-label="Close the chat" onClick={onClose}>
            <Icon name="close" />
          </Button>
        )}
      </header>
      <ol className="th-chat-list" ref={list} tabIndex={0} aria-label="Messages" aria-live="polite">
        {messages.length === 0 && (
          <li className="th-chat-empty">
            <Icon name="chat" />
            Nothing written yet. Say hello.
          </li>
        )}
        {messages.map((message) => (
          <Line key={message.id} message={message} />
        ))}
      </ol>
      <Write />
    </section>
  );
}

function Line({ message }: { message: Message }) {
  const call = useCall();
  const moderates = useCan('block-users');
  const { name, image } = useProfile(message.user);
  const mine = usePeople().some((person) => person.isMe && person.id === message.user);
  const attempt = useAttempt();
  return (
    <li className="th-message">
      <Avatar id={message.user} name={name} image={image} />
      <span className="th-message-who">
        {mine ? `${name} (you)` : name}
        <time dateTime={new Date(message.created_at_ms).toISOString()}>{clock(message.created_at_ms)}</time>
        {(mine || moderates) && (
          <button type="button" className="th-message-delete" aria-label={`Delete the message of ${name}`} title="Delete" onClick={() => void attempt(() => call.chat.remove(message.id))}>
            <Icon name="close" />
          </button>
        )}
      </span>
      <span className="th-message-text">{message.text}</span>
    </li>
  );
}

function Write() {
  const call = useCall();
  const may = useCan('send-chat');
  const enabled = useInfo()?.settings.chat.enabled ?? true;
  const attempt = useAttempt();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  if (!enabled) return <p className="th-chat-note">This call has no chat.</p>;
  if (!may) return <p className="th-chat-note">You can read here, but not write.</p>;
  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (text.trim() === '' || busy) return;
    setBusy(true);
    if (await attempt(() => call.chat.send(text.trim()))) setText('');
    setBusy(false);
  };
  return (
    <form className="th-chat-form" onSubmit={(event) => void send(event)}>
      <input value={text} maxLength={TEXT_MAX} aria-label="Message" placeholder="Write a message" autoComplete="off" onChange={(event) => setText(event.target.value)} />
      <button type="submit" className="th-round" aria-label="Send" disabled={busy || text.trim() === ''}>
        <Icon name="send" />
      </button>
    </form>
  );
}

function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
