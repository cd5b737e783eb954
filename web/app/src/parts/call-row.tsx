// One of one's calls in the list.
import type { CallInfo } from '@thalweg/client';
import { Icon } from '@thalweg/react';
import { titleOf } from '../make';
import { callPath, go, kindOf } from '../route';
import { WORDS, whenOf } from '../words';

export function CallRow({ call }: { call: CallInfo }) {
  const kind = kindOf(call.type);
  const path = callPath(kind, call.id);
  const inside = (
    <>
      <span className="call-icon">
        <Icon name={WORDS[kind].icon} />
      </span>
      <span className="call-words">
        <strong>{titleOf(call, call.id)}</strong>
        <span>
          {WORDS[kind].noun} · {standOf(call)}
        </span>
      </span>
    </>
  );
  if (call.state === 'ended') return <li className="call-row">{inside}</li>;
  const open = (event: React.MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(path);
  };
  return (
    <li>
      <a className="call-row" href={path} onClick={open} data-on={call.participants > 0 || undefined}>
        {inside}
        <Icon name="next" />
      </a>
    </li>
  );
}

function standOf(call: CallInfo): string {
  if (call.state === 'ended') return `ended ${whenOf(call.ended_at_ms ?? call.updated_at_ms).toLowerCase()}`;
  if (call.participants > 0) return call.participants === 1 ? '1 person is there' : `${call.participants} people are there`;
  if (call.starts_at_ms) return whenOf(call.starts_at_ms);
  return `made ${whenOf(call.created_at_ms).toLowerCase()}`;
}
