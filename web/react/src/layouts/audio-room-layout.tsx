// An audio room: who speaks on the stage, who listens around it, and whose hand is raised.
import { useCan, useInfo, usePeople, useRequests, isOnStage } from '../hooks/call.js';
import { usePermissionsWatch } from '../hooks/permissions.js';
import { PersonRing } from '../parts/person-ring.js';
import { RaisedHands } from '../parts/raised-hands.js';

export function AudioRoomLayout() {
  usePermissionsWatch();
  const people = usePeople().filter((person) => !person.isEncoder);
  const members = useInfo()?.members ?? [];
  const hands = new Set(useRequests().map(({ user }) => user));
  const hosting = useCan('update-permissions');
  const [speakers, audience] = [people.filter(isOnStage), people.filter((person) => !isOnStage(person))];
  const hosts = new Set(members.filter(({ role }) => role === 'host' || role === 'admin').map(({ user }) => user));
  return (
    <div className="th-audio" tabIndex={0} role="group" aria-label="People">
      {hosting && <RaisedHands />}
      <section className="th-on-stage" aria-label="On the stage">
        <h2>
          On the stage <span>{speakers.length}</span>
        </h2>
        {speakers.length === 0 && <p className="th-empty">Nobody is on the stage yet. It begins when a host comes in.</p>}
        <ul className="th-people">
          {speakers.map((person) => (
            <PersonRing key={person.id} person={person} role={hosts.has(person.id) ? 'Host' : 'Speaker'} stage />
          ))}
        </ul>
      </section>
      <section aria-label="Listening">
        <h2>
          Listening <span>{audience.length}</span>
        </h2>
        {audience.length === 0 && <p className="th-empty">Nobody listens yet. Send the link to whom you want to hear this.</p>}
        <ul className="th-people th-audience">
          {audience.map((person) => (
            <PersonRing key={person.id} person={person} hand={hands.has(person.id)} />
          ))}
        </ul>
      </section>
    </div>
  );
}
