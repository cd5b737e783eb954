// The button of the chat's panel, with the number of messages that were not seen.
import { useEffect, useState } from 'react';
import { RoundButton, useMessages } from '@thalweg/react';

export function ChatToggle({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  const last = useMessages().at(-1)?.id ?? 0;
  const unseen = useMessages();
  const [seen, setSeen] = useState<number>();
  useEffect(() => {
    if (open || seen === undefined) setSeen(last);
  }, [open, last, seen]);
  const count = open ? 0 : unseen.filter((message) => message.id > (seen ?? last)).length;
  return <RoundButton className="chat-toggle" icon="chat" label="Chat" pressed={open} tone={open ? 'active' : undefined} count={count} onPress={onToggle} />;
}
