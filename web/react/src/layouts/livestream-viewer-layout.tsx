// A livestream as viewers see it: the picture, and the chat beside or below it.
import { useInfo } from '../hooks/call.js';
import { Icon } from '../icon.js';
import { Chat } from '../parts/chat.js';
import { LivePicture } from '../parts/live-picture.js';

export function LivestreamViewerLayout() {
  const live = useInfo()?.state === 'live';
  return (
    <div className="th-live">
      <div className="th-live-main">
        <LivePicture>
          <Icon name="broadcast" />
          <h2>{live ? 'Just a moment' : 'It has not begun yet'}</h2>
          <p>{live ? 'The host shows no picture at present. It comes back here by itself.' : 'The picture comes here by itself as soon as the host goes live.'}</p>
        </LivePicture>
      </div>
      <div className="th-live-side">
        <Chat />
      </div>
    </div>
  );
}
