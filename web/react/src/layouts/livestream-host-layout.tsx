// A livestream as its host sees it: what viewers get, the way to go live, where the picture comes from, and the chat.
import { Icon } from '../icon.js';
import { Chat } from '../parts/chat.js';
import { LivePanel } from '../parts/live-panel.js';
import { LivePicture } from '../parts/live-picture.js';

export function LivestreamHostLayout() {
  return (
    <div className="th-live">
      <div className="th-live-main">
        <LivePicture>
          <Icon name="camera" />
          <h2>Nothing to see yet</h2>
          <p>Switch your camera on below, share your screen, or send a picture from an encoder such as OBS.</p>
        </LivePicture>
      </div>
      <div className="th-live-side">
        <LivePanel />
        <Chat />
      </div>
    </div>
  );
}
