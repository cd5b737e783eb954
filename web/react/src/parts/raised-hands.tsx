// Who asks to speak, for those who may let them.
import { usePeople, useRequests } from '../hooks/call.js';
import { useProfile } from '../hooks/names.js';
import { useCall } from '../provider.js';
import { Avatar } from './avatar.js';
import { Button } from './button.js';
import { useAttempt } from './notices.js';

export function RaisedHands() {
  const there = new Set(usePeople().map((person) => person.id));
  const requests = useRequests().filter(({ user, capabilities }) => there.has(user) && capabilities.includes('send-audio'));
  if (requests.length === 0) return null;
  return (
    <section className="th-hands" aria-label="Raised hands">
      <h2>
        {requests.length === 1 ? 'One hand is raised' : `${requests.length} hands are raised`}
      </h2>
      <ul>
        {requests.map(({ user }) => (
          <Hand key={user} user={user} />
        ))}
      </ul>
    </section>
  );
}

function Hand({ user }: { user: string }) {
  const call = useCall();
  const { name, image } = useProfile(user);
  const attempt = useAttempt();
  return (
    <li>
      <Avatar id={user} name={name} image={image} />
      <span className="th-person-name">{name}</span>
      <Button size="small" aria-label={`Not now: ${name}`} onClick={() => void attempt(() => call.dismiss(user, 'send-audio'))}>
        Not now
      </Button>
      <Button size="small" look="primary" aria-label={`Let speak: ${name}`} onClick={() => void attempt(() => call.grant(user, 'send-audio'))}>
        Let speak
      </Button>
    </li>
  );
}
