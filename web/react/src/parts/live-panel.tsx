// The host's desk: go live and stop, and where the picture comes from.
import { useState } from 'react';
import { useCan, useInfo } from '../hooks/call.js';
import { Icon } from '../icon.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { EncoderAccess } from './encoder-access.js';
import { useAttempt } from './notices.js';

export function LivePanel() {
  const [source, setSource] = useState<'browser' | 'encoder'>('browser');
  const encoder = useInfo()?.ingress;
  return (
    <section className="th-panel" aria-label="Your livestream">
      <GoLive />
      {encoder && (
        <>
          <div className="th-tabs" role="tablist" aria-label="Where the picture comes from">
            <Tab name="browser" chosen={source} onChoose={setSource} />
            <Tab name="encoder" chosen={source} onChoose={setSource} />
          </div>
          <div role="tabpanel" id={`th-source-${source}`} aria-labelledby={`th-tab-${source}`}>
            {source === 'encoder' ? <EncoderAccess {...encoder} /> : <p className="th-soft">Camera, microphone and screen are in the bar below.</p>}
          </div>
        </>
      )}
    </section>
  );
}

type Source = 'browser' | 'encoder';

function Tab({ name, chosen, onChoose }: { name: Source; chosen: Source; onChoose: (source: Source) => void }) {
  return (
    <button
      type="button"
      role="tab"
      id={`th-tab-${name}`}
      aria-selected={name === chosen}
      aria-controls={name === chosen ? `th-source-${name}` : undefined}
      onClick={() => onChoose(name)}
    >
      <Icon name={name === 'browser' ? 'camera' : 'broadcast'} />
      {name === 'browser' ? 'This browser' : 'OBS'}
    </button>
  );
}

/** Opens and closes the curtain. */
function GoLive() {
  const call = useCall();
  const may = useCan('go-live');
  const live = useInfo()?.state === 'live';
  const attempt = useAttempt();
  const [busy, setBusy] = useState(false);
  const turn = async (): Promise<void> => {
    setBusy(true);
    await attempt(() => (live ? call.stopLive() : call.goLive()));
    setBusy(false);
  };
  return (
    <>
      <p className="th-soft">{live ? 'You are live: everybody with the link can watch.' : 'You are backstage: viewers wait until you go live.'}</p>
      {may && (
        <Button look={live ? 'secondary' : 'primary'} size="large" busy={busy} onClick={() => void turn()}>
          {!busy && <Icon name={live ? 'stop' : 'broadcast'} />}
          {live ? 'Stop the livestream' : 'Go live'}
        </Button>
      )}
    </>
  );
}
