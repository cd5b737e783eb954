// A livestream: the host's desk, or the viewer's seat.
import { CallControls, ConnectionBanner, LivestreamHostLayout, LivestreamViewerLayout, useCan } from '@thalweg/react';
import { CallTop } from '../parts/call-top';
import { useLeave } from '../parts/leave';

export function Livestream({ title }: { title: string }) {
  const [shows, directs] = [useCan('send-video'), useCan('go-live')];
  const { leave, dialog } = useLeave('livestream');
  return (
    <>
      <CallTop title={title} />
      <ConnectionBanner />
      <main className="floor floor-live">{shows || directs ? <LivestreamHostLayout /> : <LivestreamViewerLayout />}</main>
      <CallControls onLeave={leave} />
      {dialog}
    </>
  );
}
