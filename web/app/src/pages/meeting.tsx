// A meeting: everybody on a grid, or one on the stage; the chat or the list of people beside it.
import { useState } from 'react';
import { CallControls, ConnectionBanner, CopyButton, GridLayout, RaiseHand, ReactionRise, RoundButton, SpeakerLayout, useCallState, usePeople, useViews } from '@thalweg/react';
import { CallTop, invitation } from '../parts/call-top';
import { useLeave } from '../parts/leave';
import { useSide } from '../parts/side';

export function Meeting({ title }: { title: string }) {
  const people = usePeople();
  const { status } = useCallState();
  const views = useViews();
  const [speaker, setSpeaker] = useState(false);
  const { panel, chat, count } = useSide();
  const { leave, dialog } = useLeave('meeting');
  const staged = speaker || views.staged !== undefined;
  return (
    <>
      <CallTop title={title}>
        {count}
      </CallTop>
      <ConnectionBanner />
      <main className="floor">
        <div className="floor-pictures">
          {staged ? <SpeakerLayout views={views} /> : <GridLayout views={views} />}
          {people.length === 1 && status === 'joined' && !views.staged && <Alone />}
          <ReactionRise />
        </div>
        {panel}
      </main>
      <CallControls onLeave={leave}>
        <RaiseHand />
        {chat}
        <RoundButton className="layout-toggle" icon={staged ? 'grid' : 'focus'} label={staged ? 'Show all alike' : 'Show who speaks'} disabled={people.length < 2} onPress={() => (views.staged && views.pinned ? views.pin(views.staged.key) : setSpeaker(!speaker))} />
      </CallControls>
      {dialog}
    </>
  );
}

function Alone() {
  return (
    <div className="alone">
      <h2>You are the first one here</h2>
      <p>Send the link to the people you wait for.</p>
      <CopyButton look="primary" text={invitation()} label="Copy the link" />
    </div>
  );
}
