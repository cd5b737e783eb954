// An audio room: the stage and its listeners; hosts open the doors.
import { useState } from 'react';
import { AudioRoomLayout, Button, CallControls, ConnectionBanner, Icon, LiveBadge, RaiseHand, ReactionRise, useAttempt, useCall, useCan, useInfo, useModerates } from '@thalweg/react';
import { CallTop } from '../parts/call-top';
import { useLeave } from '../parts/leave';
import { useSide } from '../parts/side';

export function AudioRoom({ title }: { title: string }) {
  const { panel, chat, people } = useSide();
  const moderates = useModerates();
  const { leave, dialog } = useLeave('room');
  return (
    <>
      <CallTop title={title}>
        <span className="badges">
          <LiveBadge />
        </span>
      </CallTop>
      <ConnectionBanner />
      <Doors />
      <main className="floor">
        <div className="floor-pictures">
          <AudioRoomLayout />
          <ReactionRise />
        </div>
        {panel}
      </main>
      <CallControls onLeave={leave}>
        <RaiseHand />
        {moderates && people}
        {chat}
      </CallControls>
      {dialog}
    </>
  );
}

/** While the room is backstage: hosts can open it. */
function Doors() {
  const call = useCall();
  const backstage = useInfo()?.state === 'backstage';
  const may = useCan('go-live');
  const attempt = useAttempt();
  const [busy, setBusy] = useState(false);
  if (!backstage || !may) return null;
  const open = async (): Promise<void> => {
    setBusy(true);
    await attempt(() => call.goLive());
    setBusy(false);
  };
  return (
    <div className="doors" role="status">
      <span>Only hosts are here so far. Listeners wait until you open the room.</span>
      <Button look="primary" size="small" busy={busy} onClick={() => void open()}>
        {!busy && <Icon name="broadcast" />}
        Open the room
      </Button>
    </div>
  );
}
