// Server and key for an encoder such as OBS. The key is a secret: it is shown only when asked for.
import { useState } from 'react';
import type { Ingress } from '@thalweg/client';
import { usePeople } from '../hooks/call.js';
import { Icon } from '../icon.js';
import { Button } from './button.js';
import { CopyButton } from './copy.js';

export function EncoderAccess({ rtmp_url: server, stream_key: key }: Ingress) {
  const [shown, setShown] = useState(false);
  const sending = usePeople().some((person) => person.isEncoder);
  return (
    <div className="th-check">
      <div>
        <span className="th-label" id="th-encoder-server">
          Server
        </span>
        <div className="th-secret" role="group" aria-labelledby="th-encoder-server">
          <code>{server}</code>
          <CopyButton bare look="plain" size="small" text={server} label="Copy the server" />
        </div>
      </div>
      <div>
        <span className="th-label" id="th-encoder-key">
          Stream key
        </span>
        <div className="th-secret" role="group" aria-labelledby="th-encoder-key">
          <code>{shown ? key : '•'.repeat(16)}</code>
          <Button look="plain" size="small" aria-label={shown ? 'Hide the stream key' : 'Show the stream key'} aria-pressed={shown} onClick={() => setShown(!shown)}>
            <Icon name="eye" />
          </Button>
          <CopyButton bare look="plain" size="small" text={key} label="Copy the stream key" />
        </div>
      </div>
      <p className="th-soft" role="status">
        {sending ? 'The encoder is sending.' : 'In OBS: Settings, Stream, Service “Custom…”. The picture appears here once OBS streams.'}
      </p>
    </div>
  );
}
