// Server and key for an encoder such as OBS, and how its stream fares. The key is a secret: it is shown only when asked for.
import { useEffect, useState } from 'react';
import type { Ingress, Push } from '@thalweg/client';
import { Icon } from '../icon.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { CopyButton } from './copy.js';
import { Dialog } from './dialog.js';
import { FaultNote } from './fault.js';
import { useAttempt, useNotify } from './notices.js';

/** How often the server is asked how the stream fares, in milliseconds. */
const LOOK_MS = 4000;

export function EncoderAccess({ rtmp_url: server, stream_key: key, push }: Ingress) {
  const call = useCall();
  const [shown, setShown] = useState(false);
  const [renewing, setRenewing] = useState(false);
  useEffect(() => {
    const timer = setInterval(() => void call.get().catch(() => undefined), LOOK_MS);
    return () => clearInterval(timer);
  }, [call]);
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
        <span className="th-label th-row" id="th-encoder-key">
          Stream key
          <Button look="link" size="small" onClick={() => setRenewing(true)}>
            Another key
          </Button>
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
        {standOf(push)}
      </p>
      {push.remark && <FaultNote title={push.state === 'error' ? 'The encoder was turned away' : 'The encoder’s stream'} advice={push.remark} />}
      {renewing && <Renew onClose={() => setRenewing(false)} />}
    </div>
  );
}

/** How the stream fares, in words. */
function standOf({ state, video, audio }: Push): string {
  if (state === 'buffering') return 'The encoder has come; its picture appears in a moment.';
  if (state === 'inactive' || state === 'error') return 'In OBS: Settings, Stream, Service “Custom…”. The picture appears here once OBS streams.';
  const picture = video ? `${video.width} × ${video.height}, ${Math.round(video.frames_per_s)} pictures a second, ${megabits(video.bits_per_s)}` : 'no picture';
  return `The encoder is sending: ${picture}${audio ? '' : ', no sound'}.`;
}

function megabits(bits: number): string {
  return `${(bits / 1e6).toFixed(1)} Mbit/s`;
}

/** A key that others know opens the stream to them. */
function Renew({ onClose }: { onClose: () => void }) {
  const call = useCall();
  const attempt = useAttempt();
  const notify = useNotify();
  const renew = async (): Promise<void> => {
    onClose();
    if (await attempt(() => call.renewStreamKey())) notify({ title: 'There is another stream key', text: 'Put it into your encoder before it streams again.' });
  };
  return (
    <Dialog title="Another stream key?" onClose={onClose}>
      <p className="th-soft">Take another one if somebody else may have seen it. The old key opens nothing any more, and who sends with it is cut off.</p>
      <Button look="danger" onClick={() => void renew()}>
        Make another key
      </Button>
    </Dialog>
  );
}
